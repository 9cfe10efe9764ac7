/** Routes of credentials of devices. */
import { z } from '../zod.js';
import * as r from '../resources/index.js';
import { device, type Route } from './route.js';

export const credentialsRoutes = {
  deviceToken: {
    method: 'POST',
    path: '/projects/:project/devices/:device/token',
    summary: 'A new token, shown once; the one before it stays valid for an overlap',
    access: 'operator',
    params: device,
    body: r.TokenRotate,
    response: r.DeviceRegistered,
    status: 201,
  },
  credentialList: {
    method: 'GET',
    path: '/projects/:project/devices/:device/credentials',
    summary: 'Credentials of a device, newest first',
    access: 'viewer',
    params: device,
    response: r.page(r.Credential),
  },
  credentialRevokeAll: {
    method: 'DELETE',
    path: '/projects/:project/devices/:device/credentials',
    summary: 'Revoke every credential; its connection drops',
    access: 'operator',
    params: device,
    status: 204,
  },
  credentialRevoke: {
    method: 'DELETE',
    path: '/projects/:project/devices/:device/credentials/:credential',
    summary: 'Revoke one credential; a connection made with it drops',
    access: 'operator',
    params: device.extend({ credential: z.uuid() }),
    status: 204,
  },
} as const satisfies Record<string, Route>;
