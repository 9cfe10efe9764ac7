// Recorded sensor data as a stream: readers of raw int8/int16, CSV, NPY and WAV bytes, and the frames cut from
// them. Bytes in, numbers out; opening files is the caller's work.
import { FleetError } from '@tinyfleet/errors';
import { type SensorStream, toInt8 } from './stream.js';

export type RecordingFormat = 'int8' | 'int16' | 'csv' | 'npy' | 'wav';

export interface Recording {
  /** For messages. */
  readonly file: string;
  /** All values in reading order; integers as they stand, floats as they stand. */
  readonly values: Int8Array | Int16Array | Float32Array;
  /** Values per row: axes of a CSV, channels of a WAV, product of the trailing extents of an NPY; 1 when flat. */
  readonly rowValues: number;
}

/** The format a file name promises. */
export function formatOf(file: string): RecordingFormat | null {
  const end = file.slice(file.lastIndexOf('.') + 1).toLowerCase();
  const known: Record<string, RecordingFormat> = {
    i8: 'int8', int8: 'int8', bin: 'int8', raw: 'int8', i16: 'int16', int16: 'int16', pcm: 'int16',
    csv: 'csv', npy: 'npy', wav: 'wav',
  }; // prettier-ignore
  return known[end] ?? null;
}

/** @throws FleetError simulator.recording-invalid, naming what is wrong where. */
export function readRecording(file: string, bytes: Uint8Array, format: RecordingFormat): Recording {
  switch (format) {
    case 'int8':
      return { file, values: Int8Array.from(bytes, (b) => (b << 24) >> 24), rowValues: 1 };
    case 'int16':
      return { file, values: int16Of(file, bytes, 'int16'), rowValues: 1 };
    case 'csv':
      return readCsv(file, bytes);
    case 'npy':
      return readNpy(file, bytes);
    case 'wav':
      return readWav(file, bytes);
  }
}

function invalid(file: string, format: RecordingFormat, problem: string): FleetError {
  return new FleetError('simulator.recording-invalid', { file, format, problem });
}

function int16Of(file: string, bytes: Uint8Array, format: RecordingFormat): Int16Array {
  if (bytes.length % 2 !== 0)
    throw invalid(file, format, `${bytes.length} bytes are not whole 16-bit values`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true));
}

/** Rows of numbers separated by comma, semicolon or tab; one header row is skipped; empty lines and # too. */
function readCsv(file: string, bytes: Uint8Array): Recording {
  const values: number[] = [];
  let columns = 0;
  let number = 0;
  for (const line of new TextDecoder().decode(bytes).split(/\r?\n/)) {
    number++;
    if (line.trim() === '' || line.startsWith('#')) continue;
    const cells = line.split(/[,;\t]/).map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    const bad = cells.findIndex((cell) => !Number.isFinite(cell));
    if (columns === 0 && bad >= 0 && values.length === 0) {
      columns = cells.length; // the header decides the width
      continue;
    }
    if (columns === 0) columns = cells.length;
    if (bad >= 0) throw invalid(file, 'csv', `line ${number}, column ${bad + 1} is not a number`);
    if (cells.length !== columns) {
      throw invalid(file, 'csv', `line ${number} has ${cells.length} columns, the first row has ${columns}`);
    }
    for (const cell of cells) values.push(cell);
  }
  if (values.length === 0) throw invalid(file, 'csv', 'it has no rows');
  return { file, values: Float32Array.from(values), rowValues: columns };
}

/** NPY format versions 1.0 and 2.0 (numpy.lib.format), C order, little-endian i1, u1, i2, f4 and f8. */
function readNpy(file: string, bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY' || bytes[0] !== 0x93) {
    throw invalid(file, 'npy', 'it does not start with \\x93NUMPY');
  }
  const major = bytes[6]!;
  if (major !== 1 && major !== 2) throw invalid(file, 'npy', `version ${major} is not 1 or 2`);
  const headerAt = major === 1 ? 10 : 12;
  const headerBytes = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerAt + headerBytes > bytes.length) throw invalid(file, 'npy', 'the header is cut off');
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerAt, headerAt + headerBytes));
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? '';
  if (/'fortran_order':\s*True/.test(header)) throw invalid(file, 'npy', 'it is in Fortran order');
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((extent) => extent.trim() !== '')
    .map(Number);
  const readers: Record<string, [number, (at: number) => number]> = {
    '|i1': [1, (at) => view.getInt8(at)],
    '|u1': [1, (at) => view.getUint8(at)],
    '<i2': [2, (at) => view.getInt16(at, true)],
    '<f4': [4, (at) => view.getFloat32(at, true)],
    '<f8': [8, (at) => view.getFloat64(at, true)],
  };
  const reader = readers[descr];
  if (reader === undefined)
    throw invalid(file, 'npy', `element type '${descr}' is none of ${Object.keys(readers).join(' ')}`);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const dataAt = headerAt + headerBytes;
  const [size, get] = reader;
  if (!Number.isSafeInteger(count) || count < 0 || bytes.length - dataAt < count * size) {
    throw invalid(
      file,
      'npy',
      `shape (${shape.join(', ')}) needs ${count * size} bytes, ${bytes.length - dataAt} follow`,
    );
  }
  const make = descr === '|i1' ? Int8Array : descr === '<i2' || descr === '|u1' ? Int16Array : Float32Array;
  const values = new make(count);
  for (let i = 0; i < count; i++) values[i] = get(dataAt + i * size);
  return { file, values, rowValues: shape.slice(1).reduce((product, extent) => product * extent, 1) };
}

/** RIFF WAVE, PCM of 8 (unsigned) or 16 bits; chunks other than fmt and data are skipped. */
function readWav(file: string, bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE')
    throw invalid(file, 'wav', 'it is not RIFF WAVE');
  let channels = 0;
  let bits = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const body = bytes.subarray(at + 8, Math.min(bytes.length, at + 8 + size));
    if (tag(at) === 'fmt ') {
      if (body.length < 16) throw invalid(file, 'wav', 'its fmt chunk is cut off');
      const encoding = view.getUint16(at + 8, true);
      if (encoding !== 1) throw invalid(file, 'wav', `encoding ${encoding} is not PCM`);
      channels = view.getUint16(at + 10, true);
      bits = view.getUint16(at + 22, true);
      if (bits !== 8 && bits !== 16) throw invalid(file, 'wav', `${bits} bits per sample are not 8 or 16`);
    } else if (tag(at) === 'data') {
      if (channels === 0) throw invalid(file, 'wav', 'no fmt chunk comes before its data');
      const whole = bits === 16 ? body.subarray(0, body.length & ~1) : body;
      const values = bits === 16 ? int16Of(file, whole, 'wav') : Int8Array.from(whole, (b) => b - 128);
      return { file, values, rowValues: channels };
    }
    at += 8 + size + (size & 1);
  }
  throw invalid(file, 'wav', 'it has no data chunk');
}

export interface RecordedSensorOptions {
  /** True class of each row group or of the whole recording, when known. */
  readonly label?: string | null;
  /** Truth per frame, cycling with the frames. */
  readonly labels?: readonly string[];
  /** Values between the starts of two frames; default the frame's own length (no overlap). */
  readonly hopValues?: number;
  /** World time between two frames, ms; which frame is seen follows from the time. */
  readonly frameMs?: number;
  /** q = round(value * gain + offset), saturated to int8. Default: int16 is divided by 256, int8 taken as it is. */
  readonly gain?: number;
  readonly offset?: number;
  /** Which value of the recorded row each value is, from 1 on; negative: turned around. A sensor that is mounted otherwise. */
  readonly axes?: readonly number[];
  /** The sensor hangs: for so long it repeats one row, so often that this is the share of all its rows. */
  readonly stuck?: { readonly share: number; readonly forMs: number };
  /** Played once, from when it is first read, and then over; default: again and again. */
  readonly once?: boolean;
}

/** Plays a recording. Frames may be of any length up to the recording's. */
export class RecordedSensor implements SensorStream {
  readonly frameBytes = 0;
  private startMs: number | null = null;

  constructor(
    private readonly recording: Recording,
    private readonly options: RecordedSensorOptions = {},
  ) {}

  isOver(timeMs: number, length: number): boolean {
    if (this.options.once !== true || this.startMs === null) return false;
    const { frameMs = 1_000 } = this.options;
    return Math.floor((timeMs - this.startMs) / frameMs) >= this.framesOf(length);
  }

  /** @throws FleetError simulator.recording-too-short */
  read(timeMs: number, frame: Int8Array): string | null {
    const { values, file } = this.recording;
    if (values.length < frame.length) {
      throw new FleetError('simulator.recording-too-short', {
        file,
        values: values.length,
        required: frame.length,
      });
    }
    const { frameMs = 1_000, once = false, labels, label = null } = this.options;
    if (once) this.startMs ??= timeMs;
    const frames = this.framesOf(frame.length);
    const at = Math.floor((timeMs - (once ? this.startMs! : 0)) / frameMs);
    const number = ((at % frames) + frames) % frames;
    const start = number * this.hopOf(frame.length);
    const gain = this.options.gain ?? (values instanceof Int16Array ? 1 / 256 : 1);
    const offset = this.options.offset ?? 0;
    for (let i = 0; i < frame.length; i++)
      frame[i] = toInt8(this.valueAt(start + i, frame.length) * gain + offset);
    return labels?.[number % labels.length] ?? label;
  }

  private hopOf(length: number): number {
    const { rowValues } = this.recording;
    return this.options.hopValues ?? Math.ceil(length / rowValues) * rowValues;
  }

  private framesOf(length: number): number {
    return Math.floor((this.recording.values.length - length) / this.hopOf(length)) + 1;
  }

  /** What the sensor says instead of the recorded value `i`, for frames of a length. */
  private valueAt(i: number, length: number): number {
    const { values, rowValues } = this.recording;
    const { axes, stuck, frameMs = 1_000 } = this.options;
    let row = Math.floor(i / rowValues);
    const axis = i - row * rowValues;
    if (stuck !== undefined && stuck.share > 0) {
      const rowMs = (frameMs * rowValues) / this.hopOf(length);
      const rows = Math.max(1, Math.round(stuck.forMs / rowMs));
      const every = Math.max(rows, Math.round(rows / stuck.share));
      if (row % every < rows) row -= row % every;
    }
    const source = axes?.[axis] ?? axis + 1;
    return Math.sign(source) * values[row * rowValues + Math.abs(source) - 1]!;
  }
}
