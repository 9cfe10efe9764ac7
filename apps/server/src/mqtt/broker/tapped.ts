/**
 * What the broker tells of a device that somebody listens to. Devices that nobody listens to cost one look-up in a map
 * that is empty.
 */
import type { Refusal, RefusalFacts } from './refusals.js';
import type { DeviceSession } from './session.js';

export interface TappedDevice {
  message(
    session: DeviceSession,
    message: {
      readonly direction: 'up' | 'down';
      readonly leaf: string;
      readonly payload: Uint8Array;
      readonly qos: number;
      readonly will?: boolean;
    },
  ): void;
  connected(session: DeviceSession, address: string): void;
  disconnected(session: DeviceSession): void;
  subscribed(session: DeviceSession, topic: string, qos: number): void;
  refused(code: Refusal, facts: RefusalFacts): void;
}

/** By client id. */
export type TappedDevices = ReadonlyMap<string, TappedDevice>;
export const nobodyListens: TappedDevices = new Map();
