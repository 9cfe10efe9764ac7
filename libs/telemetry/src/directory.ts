/**
 * What the edge (broker, ingest, ota) has to know about a device, and the port it is read through. One lookup per
 * connection serves authentication, the telemetry dimensions and the answer to hello.
 */
import type { DeviceAddress } from '@tinyfleet/wire';

export interface DeviceRecord extends DeviceAddress {
  readonly projectId: string;
  readonly deviceId: string;
  readonly typeId: string;
  readonly site: string;
  readonly enabled: boolean;
  /** SHA-256 of the device token. */
  readonly tokenHash: Uint8Array;
  /** Commands to it can be authenticated: its key is kept. */
  readonly hasKey: boolean;
  /** Length of a telemetry window the project asks for. */
  readonly windowS: number;
  /** Keep every n-th prediction for labelling; 0 = none. */
  readonly pickEvery: number;
  /** Highest envelope sequence stored for `bootId`; both undefined before the first hello. */
  readonly bootId: bigint | undefined;
  readonly lastSequence: number;
  readonly gaps: number;
}

/** Reads of many devices at once: a fleet reconnects together. The answer has the order of the question. */
export interface DeviceDirectory {
  find(addresses: readonly DeviceAddress[]): Promise<readonly (DeviceRecord | undefined)[]>;
}
