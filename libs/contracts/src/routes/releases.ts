/** Routes of releases. */
import { z } from '../zod.js';
import * as r from '../resources/index.js';
import { project, release, type Route } from './route.js';

export const releasesRoutes = {
  releaseList: {
    method: 'GET',
    path: '/projects/:project/releases',
    summary: 'Releases, newest first',
    access: 'viewer',
    params: project,
    query: r.PageQuery,
    response: r.page(r.Release),
  },
  releaseCreate: {
    method: 'POST',
    path: '/projects/:project/releases',
    summary: 'Make a release of a model version and its builds',
    access: 'developer',
    params: project,
    body: r.ReleaseCreate,
    response: r.Release,
    status: 201,
  },
  releaseGet: {
    method: 'GET',
    path: '/projects/:project/releases/:release',
    summary: 'One release',
    access: 'viewer',
    params: release,
    response: r.Release,
  },
  releaseSign: {
    method: 'POST',
    path: '/projects/:project/releases/:release/sign',
    summary: 'Sign its manifests with the project key',
    access: 'developer',
    params: release,
    response: r.Release,
  },
  signingKeyList: {
    method: 'GET',
    path: '/projects/:project/signing-keys',
    summary: 'Public keys that devices trust',
    access: 'viewer',
    params: project,
    response: r.page(r.SigningKey),
  },
  signingKeyRotate: {
    method: 'POST',
    path: '/projects/:project/signing-keys',
    summary: 'Make the next signing key and hand it to every device',
    access: 'admin',
    params: project,
    response: r.SigningKey,
    status: 201,
  },
  signingKeyActivate: {
    method: 'POST',
    path: '/projects/:project/signing-keys/:keyId/activate',
    summary: 'Sign with the next key from now on, and all signed releases again with it',
    access: 'admin',
    params: project.extend({ keyId: z.string().regex(/^[0-9a-f]{16}$/) }),
    body: z.object({ force: z.boolean().default(false) }),
    response: r.SigningKey,
  },
} as const satisfies Record<string, Route>;
