/**
 * A window as it came. Ten thousand may wait for their commits, and the collector of young objects would copy what is made of each again
 * and again: so it is made when rows are, and let go when they are made.
 */
import type { DeviceRecord } from './directory.js';
import { readTelemetry } from './features.js';
import type { WindowSource } from './window.js';

export class TelemetryPayload implements WindowSource {
  private content: ReturnType<typeof readTelemetry> | undefined;

  constructor(
    readonly device: DeviceRecord,
    /** CBOR. */
    readonly payload: Uint8Array,
    readonly receivedAtMs: number,
    readonly isNew: boolean,
  ) {}

  get message(): WindowSource['message'] {
    return this.read().message;
  }

  get features(): Uint8Array | null {
    return this.read().features;
  }

  /** @throws FleetError of area `wire` */
  read(): ReturnType<typeof readTelemetry> {
    return (this.content ??= readTelemetry(this.payload));
  }

  release(): void {
    this.content = undefined;
  }
}
