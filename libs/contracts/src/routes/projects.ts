/** Routes of projects. */
import { z } from '../zod.js';
import { LiveFrame, LivePosition, LiveTopics } from '../live.js';
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

export const projectsRoutes = {
  projectList: {
    method: 'GET',
    path: '/projects',
    summary: 'Projects I may see',
    access: 'user',
    query: r.PageQuery,
    response: r.page(r.Project),
  },
  projectCreate: {
    method: 'POST',
    path: '/projects',
    summary: 'Make a project',
    access: 'admin',
    body: r.ProjectCreate,
    response: r.Project,
    status: 201,
  },
  projectGet: {
    method: 'GET',
    path: '/projects/:project',
    summary: 'One project',
    access: 'viewer',
    params: project,
    response: r.Project,
  },
  projectDelete: {
    method: 'DELETE',
    path: '/projects/:project',
    summary: 'Remove a project and everything in it',
    access: 'admin',
    params: project,
    status: 204,
    revisioned: 'project',
  },
  fleetSummary: {
    method: 'GET',
    path: '/projects/:project/summary',
    summary: 'Counts for the fleet page',
    access: 'viewer',
    params: project,
    response: r.FleetSummary,
  },
  events: {
    method: 'GET',
    path: '/projects/:project/events',
    summary: 'Live events; resumes by Last-Event-ID',
    access: 'viewer',
    params: project,
    query: z.object({ names: z.string().max(500).optional() }),
    response: 'events',
  },
  live: {
    method: 'GET',
    path: '/live',
    summary: 'What changed, in at most 4 frames a second; resumes by Last-Event-ID',
    access: 'user',
    query: z.object({ topics: LiveTopics, after: LivePosition.optional() }),
    response: 'events',
    event: LiveFrame,
  },
} as const satisfies Record<string, Route>;
