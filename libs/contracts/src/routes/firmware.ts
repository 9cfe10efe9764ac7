/** Routes of firmware. */
import { z } from '../zod.js';
import { Name, Version } from '../names.js';
import * as r from '../resources/index.js';
import { firmware, firmwareVersion, project, type Route } from './route.js';

const whole = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

export const firmwareRoutes = {
  firmwareList: {
    method: 'GET',
    path: '/projects/:project/firmware',
    summary: 'Firmware',
    access: 'viewer',
    params: project,
    query: r.PageQuery,
    response: r.page(r.Firmware),
  },
  firmwareImageList: {
    method: 'GET',
    path: '/projects/:project/firmware/:firmware/images',
    summary: 'Images of one firmware, newest version first',
    access: 'viewer',
    params: firmware,
    query: r.PageQuery,
    response: r.page(r.FirmwareImage),
  },
  firmwareImport: {
    method: 'POST',
    path: '/projects/:project/firmware/:firmware/images',
    summary: 'Bring in the image of a version for a device type (the body is the file)',
    access: 'developer',
    params: firmware,
    query: z.object({
      version: Version.describe('as devices that run it report it'),
      deviceType: Name,
      fileName: z.string().min(1).max(255),
      abi: r.FirmwareProvides.shape.abi.optional().describe('default: what the device type says'),
      ops: z.string().max(16_384).optional().describe('comma separated; default: what the device type says'),
      arenaBytes: whole.optional().describe('default: what the device type says'),
      stateBytes: whole.optional().describe('default: what the device type says'),
      sensors: z.string().max(255).optional().describe('comma separated; default: nothing is said'),
      from: Version.optional().describe('lowest version that may be updated to it; default: any'),
    }),
    body: 'binary',
    response: r.FirmwareImage,
    status: 201,
  },
  firmwareRemove: {
    method: 'DELETE',
    path: '/projects/:project/firmware/:firmware/versions/:firmwareVersion',
    summary: 'Remove a version that no release names, with its images',
    access: 'developer',
    params: firmwareVersion,
    status: 204,
  },
} as const satisfies Record<string, Route>;
