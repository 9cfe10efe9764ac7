/** Routes of quality. */
import { Name } from '../names.js';
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

export const qualityRoutes = {
  accuracy: {
    method: 'GET',
    path: '/projects/:project/quality/accuracy',
    summary: 'Accuracy by version over time, from labels',
    access: 'viewer',
    params: project,
    query: r.RangeQuery.extend({ model: Name.optional() }),
    response: r.AccuracySeries,
  },
  classMix: {
    method: 'GET',
    path: '/projects/:project/quality/classes',
    summary: 'Predicted classes by version over time',
    access: 'viewer',
    params: project,
    query: r.RangeQuery.extend({ model: Name.optional() }),
    response: r.ClassMix,
  },
  versionShare: {
    method: 'GET',
    path: '/projects/:project/quality/versions',
    summary: 'Devices per version over time',
    access: 'viewer',
    params: project,
    query: r.RangeQuery,
    response: r.VersionShare,
  },
  labelsPost: {
    method: 'POST',
    path: '/projects/:project/labels',
    summary: 'Ground truth for kept predictions',
    access: 'operator',
    params: project,
    body: r.LabelBatch,
    response: r.LabelResult,
    status: 201,
  },
} as const satisfies Record<string, Route>;
