/** Projects and their summary. */
import { z } from '../zod.js';
import { Name, Timestamp } from '../names.js';
import { DeviceState, Presence } from './devices.js';

export const Project = z
  .object({
    name: Name,
    title: z.string(),
    /** True for the demo: its devices are simulated. */
    simulated: z.boolean(),
    createdAt: Timestamp,
    deviceCount: z.int(),
    /** Grows with every change. */
    revision: z.int(),
    /** Length of a telemetry window the devices are told to use. */
    windowSeconds: z.int(),
    /** Devices keep every n-th prediction for labelling; 0 = none. */
    pickEvery: z.int(),
  })
  .meta({ id: 'Project' });
export const ProjectCreate = z.object({
  name: Name,
  title: z.string().max(120).default(''),
  simulated: z.boolean().default(false),
  windowSeconds: z.int().min(1).max(86_400).default(3_600),
  pickEvery: z.int().min(0).max(65_535).default(50),
});

export const FleetSummary = z
  .object({
    devices: z.int(),
    byState: z.partialRecord(DeviceState, z.int()),
    byPresence: z.partialRecord(Presence, z.int()),
    byType: z.record(z.string(), z.int()),
    byRelease: z.record(z.string(), z.int()),
    runningRollouts: z.int(),
    inferencesLastHour: z.int(),
    windowsLastHour: z.int(),
  })
  .meta({ id: 'FleetSummary' });
