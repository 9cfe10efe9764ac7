/** Routes of device types. */
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

export const deviceTypesRoutes = {
  deviceTypeList: {
    method: 'GET',
    path: '/projects/:project/device-types',
    summary: 'Built-in and own device types',
    access: 'viewer',
    params: project,
    response: r.page(r.DeviceType),
  },
  deviceTypeCreate: {
    method: 'POST',
    path: '/projects/:project/device-types',
    summary: 'Add a device type',
    access: 'developer',
    params: project,
    body: r.DeviceTypeCreate,
    response: r.DeviceType,
    status: 201,
  },
} as const satisfies Record<string, Route>;
