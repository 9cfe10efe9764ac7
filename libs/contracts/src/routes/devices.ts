/** Routes of devices. */
import { z } from '../zod.js';
import { ReleaseRef } from '../names.js';
import * as r from '../resources/index.js';
import { project, device, type Route } from './route.js';

export const devicesRoutes = {
  deviceList: {
    method: 'GET',
    path: '/projects/:project/devices',
    summary: 'Devices by filter, by name',
    access: 'viewer',
    params: project,
    query: r.PageQuery.extend({ filter: r.Filter.optional() }),
    response: r.page(r.Device),
  },
  deviceRegister: {
    method: 'POST',
    path: '/projects/:project/devices',
    summary: 'Register a device; its token is shown once',
    access: 'operator',
    params: project,
    body: r.DeviceRegister,
    response: r.DeviceRegistered,
    status: 201,
  },
  deviceRegisterMany: {
    method: 'POST',
    path: '/projects/:project/devices/bulk',
    summary: 'Register up to 1,000 devices, all or none',
    access: 'operator',
    params: project,
    body: z.object({ devices: z.array(r.DeviceRegister).min(1).max(1_000) }),
    response: z.object({ items: z.array(r.DeviceRegistered) }),
    status: 201,
  },
  deviceGet: {
    method: 'GET',
    path: '/projects/:project/devices/:device',
    summary: 'One device',
    access: 'viewer',
    params: device,
    response: r.DeviceDetail,
  },
  deviceUpdate: {
    method: 'PATCH',
    path: '/projects/:project/devices/:device',
    summary: 'Change tags or site',
    access: 'operator',
    params: device,
    body: r.DevicePatch,
    response: r.Device,
  },
  deviceDelete: {
    method: 'DELETE',
    path: '/projects/:project/devices/:device',
    summary: 'Remove a device; its connection drops',
    access: 'operator',
    params: device,
    status: 204,
  },
  deviceToken: {
    method: 'POST',
    path: '/projects/:project/devices/:device/token',
    summary: 'Replace the token; the old one ends at once',
    access: 'operator',
    params: device,
    response: r.DeviceRegistered,
    status: 201,
  },
  deviceTelemetry: {
    method: 'GET',
    path: '/projects/:project/devices/:device/telemetry',
    summary: 'Telemetry windows, newest first',
    access: 'viewer',
    params: device,
    query: r.PageQuery.extend({ from: r.RangeQuery.shape.from, to: r.RangeQuery.shape.to }),
    response: r.page(r.TelemetryWindow),
  },
  deviceDeployments: {
    method: 'GET',
    path: '/projects/:project/devices/:device/deployments',
    summary: 'Deployments of one device, newest first',
    access: 'viewer',
    params: device,
    query: r.PageQuery,
    response: r.page(r.Deployment.extend({ rollout: z.int(), release: ReleaseRef })),
  },
} as const satisfies Record<string, Route>;
