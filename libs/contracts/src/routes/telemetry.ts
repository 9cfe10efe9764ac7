/** Routes of telemetry over all devices of a project. */
import { Name } from '../names.js';
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

export const telemetryRoutes = {
  telemetryRefusalList: {
    method: 'GET',
    path: '/projects/:project/telemetry/refusals',
    summary: 'Messages that were refused, by day, device and code, newest day first',
    access: 'viewer',
    params: project,
    query: r.PageQuery.extend({ device: Name.optional() }),
    response: r.page(r.TelemetryRefusal),
  },
  telemetryGapList: {
    method: 'GET',
    path: '/projects/:project/telemetry/gaps',
    summary: 'Devices of whose present boot messages never came',
    access: 'viewer',
    params: project,
    query: r.PageQuery.extend({ device: Name.optional() }),
    response: r.page(r.TelemetryGap),
  },
  telemetryExport: {
    method: 'GET',
    path: '/projects/:project/telemetry/windows',
    summary:
      'Windows as lines of JSON, in the form that can be sent back: the fields of up/telemetry.json and the device',
    access: 'operator',
    params: project,
    query: r.TelemetryExportQuery,
    response: 'lines',
  },
  telemetryBackfill: {
    method: 'POST',
    path: '/projects/:project/telemetry/windows',
    summary:
      'Windows that did not come from devices, as the export gives them: up to 10,000 lines and 8 MiB, any number of times',
    access: 'admin',
    params: project,
    body: 'binary',
    response: r.BackfillResult,
    status: 200,
  },
  rollupRebuild: {
    method: 'POST',
    path: '/projects/:project/telemetry/rollups',
    summary: 'Make the sums of one day anew from its windows',
    access: 'admin',
    params: project,
    body: r.RollupRebuildRequest,
    response: r.RollupRebuild,
    status: 200,
  },
  retentionGet: {
    method: 'GET',
    path: '/projects/:project/telemetry/retention',
    summary: 'How long telemetry and what is made of it is kept, and what was removed last',
    access: 'viewer',
    params: project,
    response: r.Retention,
  },
  retentionSet: {
    method: 'PUT',
    path: '/projects/:project/telemetry/retention',
    summary: 'Keep telemetry shorter or longer; what is older is removed within the hour',
    access: 'admin',
    params: project,
    body: r.RetentionSettings,
    response: r.Retention,
  },
} as const satisfies Record<string, Route>;
