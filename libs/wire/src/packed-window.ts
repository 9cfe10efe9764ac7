/**
 * The key `packed` of telemetry: one window as bits (docs/spec/wire.md, Packed window). Devices write it, this side reads it only,
 * into the fields that the message has when it is written as a map.
 */
import { FleetError } from '@tinyfleet/errors';
import { packHistogram } from './histogram.js';

const featureBins = 16;
const unknownBattery = 127;
/** Bits of build, schema, classes, confidence bins, features and the mark of the out-of-distribution score. */
const betweenBootAndSequence = 64 + 32 + 8 + 5 + 3 + 1;

/** Least significant bit first. */
class BitReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** `width` of 0 to 32. */
  read(width: number): number {
    if (this.at + width > this.bytes.length * 8) throw invalid(`it ends at bit ${this.bytes.length * 8}`);
    let value = 0;
    for (let done = 0; done < width;) {
      const inByte = this.at & 7;
      const take = Math.min(8 - inByte, width - done);
      const piece = ((this.bytes[this.at >> 3] ?? 0) >> inByte) & ((1 << take) - 1);
      value += piece * 2 ** done;
      done += take;
      this.at += take;
    }
    return value;
  }

  skip(width: number): void {
    this.at += width;
  }

  /** `width` of 0 to 53. */
  readWide(width: number): number {
    const low = this.read(Math.min(width, 32));
    return low + this.read(Math.max(width - 32, 0)) * 2 ** 32;
  }

  readInt16(): number {
    return (this.read(16) << 16) >> 16;
  }

  /** Only zero bits, fewer than 8, may follow. */
  end(): void {
    const left = this.bytes.length * 8 - this.at;
    if (left > 7 || this.read(left) !== 0) throw invalid(`its fields end at bit ${this.at}`);
  }
}

/** Rice codes of all counts but the last one, which follows from their sum. */
function readHistogram(bits: BitReader, bins: number, n: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  let k = 0;
  while (bins > 1 && n >> (k + 1) >= bins - 1) k++;
  let left = n;
  for (let bin = 0; bin + 1 < bins && left > 0; bin++) {
    let count = 0;
    while (bits.read(1) === 1) count++;
    count = count * 2 ** k + bits.read(k);
    if (count > left) throw invalid(`its counts exceed ${n}`);
    counts[bin] = count;
    left -= count;
  }
  counts[bins - 1] = left;
  return counts;
}

const bitsOf = (value: number): number => 32 - Math.clz32(value);

function readFeature(bits: BitReader, windowN: number): Record<string, unknown> {
  const n = bits.read(1) === 1 ? windowN : bits.read(12);
  if (n === 0) {
    const histogram = packHistogram(new Array<number>(featureBins).fill(0));
    return { histogram, n, sum: 0, sumSquares: 0, min: 0, max: 0 };
  }
  const histogram = packHistogram(readHistogram(bits, featureBins, n));
  const min = bits.readInt16();
  const max = bits.readInt16();
  if (max < min) throw invalid(`a maximum of ${max} is below the minimum of ${min}`);
  const zigzag = bits.read(bitsOf(n) + 17);
  const sum = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  const range = bitsOf(max - min);
  const more = bits.readWide(range === 0 ? 0 : bitsOf(n) + 2 * range - 2);
  // sum^2 may need 58 bits, the quotient does not.
  const sumSquares = Number((BigInt(sum) * BigInt(sum)) / BigInt(n)) + more;
  return { histogram, n, sum, sumSquares, min, max };
}

const readBootId = (bits: BitReader): bigint => BigInt(bits.read(32)) | (BigInt(bits.read(32)) << 32n);

/** @throws wire.packed-invalid where it ends before them */
export function packedEnvelope(bytes: Uint8Array): { readonly bootId: bigint; readonly sequence: number } {
  const bits = new BitReader(bytes);
  const bootId = readBootId(bits);
  bits.skip(betweenBootAndSequence);
  return { bootId, sequence: bits.read(32) };
}

/**
 * The fields of a window by their names in wire.cddl, those of the envelope included.
 * @throws wire.packed-invalid
 */
export function unpackWindow(bytes: Uint8Array): Record<string, unknown> {
  const bits = new BitReader(bytes);
  const bootId = readBootId(bits);
  const build = Uint8Array.from({ length: 8 }, () => bits.read(8));
  const schema = bits.read(32);
  const classes = bits.read(8);
  const confidenceBins = bits.read(5);
  const features = bits.read(3);
  const hasOod = bits.read(1) === 1;
  if (classes === 0 || confidenceBins === 0) throw invalid('it has no class or no bin');
  const sequence = bits.read(32);
  const uptimeMs = bits.readWide(48);
  const unixTimeMs = bits.readWide(44);
  const lengthMs = bits.read(32);
  if (lengthMs > uptimeMs) throw invalid('it began before its boot');
  const firstIndex = bits.read(32);
  const batteryPercent = bits.read(7);
  if (batteryPercent > 100 && batteryPercent !== unknownBattery)
    throw invalid(`its battery is at ${batteryPercent} percent`);
  const cyclesMean = bits.read(32);
  const cyclesMax = bits.read(32);
  const arenaBytes = bits.read(20) * 16;
  const stackBytes = bits.read(20) * 16;
  const n = bits.read(12);
  const merged = bits.read(12);
  const out: Record<string, unknown> = {
    ...{
      bootId,
      build,
      schema,
      sequence,
      uptimeMs,
      startMs: uptimeMs - lengthMs,
      lengthMs,
      n,
      firstIndex,
      arenaBytes,
    },
    ...(unixTimeMs === 0 ? {} : { unixTimeMs, startUnixMs: unixTimeMs - lengthMs }),
    ...(merged === 0 ? {} : { merged }),
    ...(confidenceBins === 8 ? {} : { confidenceBins }),
    ...(cyclesMax === 0 ? {} : { cyclesMean, cyclesMax }),
    ...(stackBytes === 0 ? {} : { stackBytes }),
    ...(batteryPercent === unknownBattery ? {} : { batteryPercent }),
    resets: Number((bootId >> 32n) & 0xffffn),
  };
  if (unixTimeMs !== 0 && unixTimeMs < lengthMs) throw invalid('it began before 1970');
  out.classes = packHistogram(readHistogram(bits, classes * confidenceBins, n));
  if (hasOod) {
    const values = bits.read(1) === 1 ? n : bits.read(12);
    const counts = readHistogram(bits, featureBins, values);
    if (values > 0) out.ood = packHistogram(counts);
  }
  if (features > 0) out.features = Array.from({ length: features }, () => readFeature(bits, n));
  if (bits.read(1) === 1) {
    const counts = { switches: 12, saturated: 12, stuck: 12, droppedFrames: 16, invalid: 16 };
    for (const [name, width] of Object.entries(counts)) {
      const count = bits.read(width);
      if (count > 0) out[name] = count;
    }
  }
  bits.end();
  return out;
}

function invalid(reason: string) {
  return new FleetError('wire.packed-invalid', { message: 'telemetry', reason });
}
