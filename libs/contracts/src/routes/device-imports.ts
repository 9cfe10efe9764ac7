/** Routes of imports and exports of devices. */
import { z } from '../zod.js';
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

const deviceImport = project.extend({ import: z.uuid() });

export const deviceImportsRoutes = {
  deviceImport: {
    method: 'POST',
    path: '/projects/:project/device-imports',
    summary: 'Register devices from a CSV file (the body), all or none',
    access: 'operator',
    params: project,
    query: r.DeviceImportQuery,
    body: 'binary',
    response: r.DeviceImport,
    status: 201,
  },
  deviceImportList: {
    method: 'GET',
    path: '/projects/:project/device-imports',
    summary: 'Imports of devices, newest first',
    access: 'operator',
    params: project,
    query: r.PageQuery,
    response: r.page(r.DeviceImport),
  },
  deviceImportGet: {
    method: 'GET',
    path: '/projects/:project/device-imports/:import',
    summary: 'One import and its progress',
    access: 'operator',
    params: deviceImport,
    response: r.DeviceImport,
  },
  deviceImportTokens: {
    method: 'GET',
    path: '/projects/:project/device-imports/:import/tokens',
    summary: 'Names and tokens of its new devices as CSV: once, for who imported them',
    access: 'operator',
    params: deviceImport,
    response: 'lines',
  },
  deviceExport: {
    method: 'GET',
    path: '/projects/:project/device-export',
    summary: 'Devices by filter as CSV, in the columns of an import',
    access: 'viewer',
    params: project,
    query: z.object({ filter: r.Filter.optional() }),
    response: 'lines',
  },
} as const satisfies Record<string, Route>;
