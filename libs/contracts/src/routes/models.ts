/** Routes of models. */
import { z } from '../zod.js';
import { Version } from '../names.js';
import * as r from '../resources/index.js';
import { project, model, modelVersion, type Route } from './route.js';

export const modelsRoutes = {
  modelList: {
    method: 'GET',
    path: '/projects/:project/models',
    summary: 'Models',
    access: 'viewer',
    params: project,
    query: r.PageQuery,
    response: r.page(r.Model),
  },
  modelVersionList: {
    method: 'GET',
    path: '/projects/:project/models/:model/versions',
    summary: 'Versions of a model, newest first',
    access: 'viewer',
    params: model,
    query: r.PageQuery,
    response: r.page(r.ModelVersion),
  },
  modelImport: {
    method: 'POST',
    path: '/projects/:project/models/:model/versions',
    summary: 'Import a model file as a new version (the body is the file)',
    access: 'developer',
    params: model,
    query: z.object({
      version: Version.optional(),
      fileName: z.string().min(1).max(255),
      labels: z.string().max(16_384).optional().describe('comma separated'),
    }),
    body: 'binary',
    response: r.ModelVersion,
    status: 201,
  },
  modelVersionGet: {
    method: 'GET',
    path: '/projects/:project/models/:model/versions/:version',
    summary: 'One model version',
    access: 'viewer',
    params: modelVersion,
    response: r.ModelVersion,
  },
  modelValidation: {
    method: 'PUT',
    path: '/projects/:project/models/:model/versions/:version/validation/:part',
    summary:
      'Data beside a model as NPY: labelled inputs, labels (uint8), calibration samples of a float model',
    access: 'developer',
    params: modelVersion.extend({ part: z.enum(['inputs', 'labels', 'calibration']) }),
    body: 'binary',
    response: r.ModelVersion,
  },
  modelForeignBuild: {
    method: 'POST',
    path: '/projects/:project/models/:model/versions/:version/foreign-builds',
    summary: 'Windows that name this build, of firmware that is not ours, are of this version',
    access: 'developer',
    params: modelVersion,
    body: r.ForeignBuild,
    response: r.ModelVersion,
    status: 201,
  },
} as const satisfies Record<string, Route>;
