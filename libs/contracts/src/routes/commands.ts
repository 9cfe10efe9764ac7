/** Routes of commands. */
import * as r from '../resources/index.js';
import { device, type Route } from './route.js';

export const commandsRoutes = {
  deviceCommandSend: {
    method: 'POST',
    path: '/projects/:project/devices/:device/commands',
    summary: 'Send a command; it waits for the device when that is away',
    access: 'operator',
    params: device,
    body: r.DeviceCommandCreate,
    response: r.DeviceCommand,
    status: 201,
  },
  deviceCommandList: {
    method: 'GET',
    path: '/projects/:project/devices/:device/commands',
    summary: 'Commands of a device, newest first',
    access: 'viewer',
    params: device,
    query: r.PageQuery,
    response: r.page(r.DeviceCommand),
  },
} as const satisfies Record<string, Route>;
