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
}

/** Rounds half away from zero and saturates to int8, as an analogue front end's ADC driver does. */
export function toInt8(value: number): number {
  const rounded = value < 0 ? -Math.floor(0.5 - value) : Math.floor(0.5 + value);
  return rounded < -128 ? -128 : rounded > 127 ? 127 : rounded;
}
