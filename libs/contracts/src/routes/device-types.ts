/** Routes of device types. */
import * as r from '../resources/index.js';
import { deviceType, project, type Route } from './route.js';

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
  deviceTypeGet: {
    method: 'GET',
    path: '/projects/:project/device-types/:deviceType',
    summary: 'One device type',
    access: 'viewer',
    params: deviceType,
    response: r.DeviceType,
  },
  deviceTypeUpdate: {
    method: 'PATCH',
    path: '/projects/:project/device-types/:deviceType',
    summary: 'Change a device type of the project, as far as what uses it allows',
    access: 'developer',
    params: deviceType,
    body: r.DeviceTypePatch,
    response: r.DeviceType,
    revisioned: 'deviceType',
  },
  deviceTypeDelete: {
    method: 'DELETE',
    path: '/projects/:project/device-types/:deviceType',
    summary: 'Remove a device type of the project that nothing uses',
    access: 'developer',
    params: deviceType,
    status: 204,
    revisioned: 'deviceType',
  },
} as const satisfies Record<string, Route>;
