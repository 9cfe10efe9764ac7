/** Routes of builds. */
import { z } from '../zod.js';
import { Name, Version } from '../names.js';
import * as r from '../resources/index.js';
import { project, build, type Route } from './route.js';

export const buildsRoutes = {
  buildList: {
    method: 'GET',
    path: '/projects/:project/builds',
    summary: 'Builds, newest first',
    access: 'viewer',
    params: project,
    query: r.PageQuery.extend({ model: Name.optional(), version: Version.optional() }),
    response: r.page(r.Build),
  },
  buildStart: {
    method: 'POST',
    path: '/projects/:project/builds',
    summary: 'Build a model version for device types; jobs already done are reused',
    access: 'developer',
    params: project,
    body: r.BuildRequest,
    response: z.object({ items: z.array(r.Build) }),
    status: 202,
  },
  buildGet: {
    method: 'GET',
    path: '/projects/:project/models/:model/versions/:version/builds/:deviceType',
    summary: 'One build',
    access: 'viewer',
    params: build,
    response: r.Build,
  },
  buildReport: {
    method: 'GET',
    path: '/projects/:project/models/:model/versions/:version/builds/:deviceType/report',
    summary: 'The compiler report',
    access: 'viewer',
    params: build,
    response: r.BuildReport,
  },
  buildFit: {
    method: 'GET',
    path: '/projects/:project/models/:model/versions/:version/builds/:deviceType/fit',
    summary: 'Whether the build fits each device type, with time and energy estimates',
    access: 'viewer',
    params: build,
    response: z.object({ items: z.array(r.DeviceFit), basis: z.string() }),
  },
  buildBundle: {
    method: 'GET',
    path: '/projects/:project/models/:model/versions/:version/builds/:deviceType/bundle',
    summary: 'The bundle bytes',
    access: 'viewer',
    params: build,
    response: 'binary',
  },
  buildCancel: {
    method: 'POST',
    path: '/projects/:project/models/:model/versions/:version/builds/:deviceType/cancel',
    summary: 'Cancel a build',
    access: 'developer',
    params: build,
    response: r.Build,
  },
  buildRetry: {
    method: 'POST',
    path: '/projects/:project/models/:model/versions/:version/builds/:deviceType/retry',
    summary: 'Run a failed or cancelled build again',
    access: 'developer',
    params: build,
    response: r.Build,
  },
} as const satisfies Record<string, Route>;
