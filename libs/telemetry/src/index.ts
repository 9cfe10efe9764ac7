/** What devices report: who they are, their windows and labels, as pure domain with ports. */
export type { DeviceAddress } from './address.js';
export type { DeviceDirectory, DeviceRecord } from './directory.js';
