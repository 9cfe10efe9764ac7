// What a sensor is to whoever reads it: a source of frames that are a model's quantized input, each with the
// truth that only the world knows. The truth never reaches the device.

/** A source of int8 frames. Reading the same time twice gives the same frame. */
export interface SensorStream {
  /** Bytes of one frame, or 0 when any length can be read. */
  readonly frameBytes: number;
  /**
   * Writes the frame seen at `timeMs` (milliseconds of world time) over all of `frame` and returns the name of
   * the true class, or null when nobody knows it.
   */
  read(timeMs: number, frame: Int8Array): string | null;
  /** No more frames of this length come. */
  isOver?(timeMs: number, length: number): boolean;
}

/** What a raw sensor is; numbers of sensors and units are those of docs/spec/wire.cddl. */
export interface RawDescriptor {
  readonly sensor: number;
  readonly axes: number;
  readonly unit: number;
  /** In unit/1000 at raw count 32767; 0 = counts have no physical scale. */
  readonly fullScale: number;
  readonly sampleRateMilliHz: number;
}

/** A source of int16 counts that never stops. Reading the same frames twice gives the same counts. */
export interface RawSensor {
  readonly descriptor: RawDescriptor;
  /** Frames of one block; a block has one true class. */
  readonly blockFrames: number;
  /** Fills `out` with block number `block` of world time, axes interleaved; returns the name of the true class. */
  readBlock(block: number, out: Int16Array): string | null;
}

/** Rounds half away from zero and saturates to int8, as an analogue front end's ADC driver does. */
export function toInt8(value: number): number {
  const rounded = value < 0 ? -Math.floor(0.5 - value) : Math.floor(0.5 + value);
  return rounded < -128 ? -128 : rounded > 127 ? 127 : rounded;
}

/** The same for int16 counts. */
export function toInt16(value: number): number {
  const rounded = value < 0 ? -Math.floor(0.5 - value) : Math.floor(0.5 + value);
  return rounded < -32_768 ? -32_768 : rounded > 32_767 ? 32_767 : rounded;
}
