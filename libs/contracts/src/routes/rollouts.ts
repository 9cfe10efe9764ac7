/** Routes of rollouts. */
import * as r from '../resources/index.js';
import { project, rollout, type Route } from './route.js';

export const rolloutsRoutes = {
  rolloutList: {
    method: 'GET',
    path: '/projects/:project/rollouts',
    summary: 'Rollouts, newest first',
    access: 'viewer',
    params: project,
    query: r.PageQuery,
    response: r.page(r.Rollout),
  },
  rolloutCreate: {
    method: 'POST',
    path: '/projects/:project/rollouts',
    summary: 'Start a rollout',
    access: 'operator',
    params: project,
    body: r.RolloutCreate,
    response: r.Rollout,
    status: 201,
  },
  rolloutGet: {
    method: 'GET',
    path: '/projects/:project/rollouts/:number',
    summary: 'One rollout',
    access: 'viewer',
    params: rollout,
    response: r.Rollout,
  },
  rolloutDeployments: {
    method: 'GET',
    path: '/projects/:project/rollouts/:number/deployments',
    summary: 'Its devices, by name',
    access: 'viewer',
    params: rollout,
    query: r.PageQuery.extend({ state: r.DeploymentState.optional() }),
    response: r.page(r.Deployment),
  },
  rolloutPause: {
    method: 'POST',
    path: '/projects/:project/rollouts/:number/pause',
    summary: 'Stop offering to further devices',
    access: 'operator',
    params: rollout,
    response: r.Rollout,
  },
  rolloutResume: {
    method: 'POST',
    path: '/projects/:project/rollouts/:number/resume',
    summary: 'Go on',
    access: 'operator',
    params: rollout,
    response: r.Rollout,
  },
  rolloutAbort: {
    method: 'POST',
    path: '/projects/:project/rollouts/:number/abort',
    summary: 'End it; devices that have not switched stay where they are',
    access: 'operator',
    params: rollout,
    response: r.Rollout,
  },
} as const satisfies Record<string, Route>;
