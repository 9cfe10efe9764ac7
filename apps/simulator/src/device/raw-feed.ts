// The buffer between a raw sensor and a device's firmware: hands out consecutive frames as world time makes them, and
// loses the oldest when the firmware does not keep up, as a ring behind a DMA channel does.
import type { RawSensor } from '@tinyfleet/sensors';

/** What the ring holds. */
const RING_MS = 2_000;

export class RawFeed {
  /** True class of the frame handed out last. */
  truth: string | null = null;
  /** Number of the next frame since 1970. */
  private next = 0;
  /** Made when it is first asked for: devices without a front end never need one. */
  private block: Int16Array | null = null;
  private blockNumber = -1;

  constructor(readonly sensor: RawSensor) {}

  /** The sensor is switched on: what was before it was not recorded. */
  restart(worldMs: number): void {
    this.next = this.frameAt(worldMs);
  }

  /** Fills `out` with the next frames; false when they have not all been there yet. */
  take(worldMs: number, out: Int16Array): boolean {
    const { sensor } = this;
    const { axes } = sensor.descriptor;
    const frames = out.length / axes;
    const now = this.frameAt(worldMs);
    const ring = Math.max(frames, this.frameAt(RING_MS));
    if (now - this.next > ring) this.next = now - frames;
    if (now - this.next < frames) return false;
    for (let done = 0; done < frames;) {
      const number = Math.floor(this.next / sensor.blockFrames);
      const from = this.next - number * sensor.blockFrames;
      const count = Math.min(frames - done, sensor.blockFrames - from);
      const block = this.load(number);
      out.set(block.subarray(from * axes, (from + count) * axes), done * axes);
      done += count;
      this.next += count;
    }
    return true;
  }

  private load(number: number): Int16Array {
    const { sensor } = this;
    this.block ??= new Int16Array(sensor.blockFrames * sensor.descriptor.axes);
    if (number !== this.blockNumber) {
      this.truth = sensor.readBlock(number, this.block);
      this.blockNumber = number;
    }
    return this.block;
  }

  private frameAt(ms: number): number {
    return Math.floor((ms * this.sensor.descriptor.sampleRateMilliHz) / 1_000_000);
  }
}
