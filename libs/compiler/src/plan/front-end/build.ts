// From a description to stages: what each kind of front end computes, and how its features become the quantized input.
import { failure } from '../../ir/diagnostics.js';
import { elements, type Tensor } from '../../ir/graph.js';
import { zeroPointOf } from '../../ir/multipliers.js';
import { STATISTICS } from '../generated/bundle-layout.js';
import type { Plan } from '../types.js';
import { FrontEndBuilder, type Place } from './builder.js';
import type { FrontEnd, Mfcc, MicroSpeech, SpectralPower, Statistic, Statistics } from './description.js';
import { dctTable, hannWindow, logTable, melBank, pcanGains, quarterSine } from './tables.js';

/** What the sensor says and the model's first input. */
export interface FrontEndContext {
  readonly axes: number;
  readonly axisOrder: number;
  readonly input: Tensor;
}

const ROW_KINDS: {
  readonly [K in FrontEnd['kind']]: (d: Extract<FrontEnd, { kind: K }>, c: FrontEndContext) => Rows;
} = {
  'micro-speech': microSpeech,
  mfcc,
  statistics,
  'spectral-power': spectralPower,
  scale: rawCounts,
};

/** One row of features per pass; `make` adds its stages and ends with the row in the place it is given. */
interface Rows {
  readonly frame: number;
  readonly hop: number;
  /** Default: a quarter of the input's rows, so that whatever is heard is looked at four times. */
  readonly newRows?: number | undefined;
  /** Elements of the model's input that one row fills. */
  readonly elements: number;
  readonly make: (b: FrontEndBuilder, row: Place) => void;
}

/** Of the first inference, over all axes: a quarter of an hour at 16 kHz. The self-test feeds them all. */
const MOST_SAMPLES = 2 ** 24;
/** first_passes of the bundle has 16 bits. */
const MOST_ROWS = 65_535;

/** Throws compiler.front-end-invalid. */
export function withFrontEnd(plan: Plan, description: FrontEnd, context: FrontEndContext): Plan {
  if (plan.inputs.length !== 1) throw invalid('the model has several inputs');
  if (!['int8', 'uint8', 'int16'].includes(context.input.dtype))
    throw invalid(`the input is ${context.input.dtype}; stages write int8, uint8 and int16`);
  const rows = (ROW_KINDS[description.kind] as (d: FrontEnd, c: FrontEndContext) => Rows)(
    description,
    context,
  );
  const total = elements(context.input);
  const count = total / rows.elements;
  if (!Number.isInteger(count))
    throw invalid(`rows of ${rows.elements} features do not fill the input of ${total} elements`);
  const newRows = rows.newRows ?? Math.ceil(count / 4);
  for (const [what, value] of [
    ['frame', rows.frame],
    ['hop', rows.hop],
    ['new rows', newRows],
  ] as const)
    if (!Number.isInteger(value) || value < 1)
      throw invalid(`${what} is ${value}, not a whole number from 1`);
  if (rows.hop > rows.frame)
    throw invalid(`${rows.hop} frames from row to row are more than the ${rows.frame} of a row`);
  if (newRows > count) throw invalid(`${newRows} new rows are more than the ${count} of the input`);
  if (count > MOST_ROWS) throw invalid(`${count} rows are more than ${MOST_ROWS}`);
  const samples = (rows.frame + (count - 1) * rows.hop) * context.axes;
  if (samples > MOST_SAMPLES)
    throw invalid(`one input is made of ${samples} samples, more than ${MOST_SAMPLES}`);
  const b = new FrontEndBuilder(plan, {
    frame: rows.frame,
    hop: rows.hop,
    passes: newRows,
    firstPasses: count,
    axes: context.axes,
    input: 0,
  });
  const input = b.input(0);
  if (count === 1) {
    rows.make(b, input);
    return b.finish();
  }
  const row = b.arena(input.dtype, rows.elements);
  rows.make(b, row);
  const stack = b.state(input.dtype, total);
  b.stage('stack', [row], [stack], { rows: count, row_bytes: row.bytes });
  b.stage('copy', [stack], [input], { bytes: input.bytes }, true);
  return b.finish();
}

function invalid(reason: string): Error {
  return failure([{ code: 'compiler.front-end-invalid', severity: 'error', data: { reason } }]);
}

// ---- from features to the quantized input -------------------------------------------------------------------------

/** real = factor * stage value; the input is (real - mean) / std in the tensor's quantization. */
interface Affine {
  readonly factor: readonly number[];
  readonly mean?: number | readonly number[];
  readonly std?: number | readonly number[];
}

/** factor as multiplier / 2^shift with 31 bits; the centre takes the mean off in stage values. */
export function fixedPoint(factor: number): { multiplier: number; shift: number } {
  if (!(Math.abs(factor) > 2 ** -31 && Math.abs(factor) < 2 ** 29))
    throw invalid(`a factor of ${factor} between feature and input is out of range`);
  const shift = Math.min(62, 30 - Math.floor(Math.log2(Math.abs(factor))));
  const multiplier = Math.floor(factor * 2 ** shift + 0.5);
  return multiplier === 2 ** 31 ? { multiplier: 2 ** 30, shift: shift - 1 } : { multiplier, shift };
}

function quantize(
  b: FrontEndBuilder,
  from: Place,
  row: Place,
  input: Tensor,
  affine: Affine,
  axes = 0,
): void {
  const n = row.bytes / (row.dtype === 'int16' ? 2 : 1);
  const period = affine.factor.length;
  const perEntry = (value: number | readonly number[] | undefined, fallback: number): number[] => {
    const list = Array.from(
      { length: period },
      (_, i) => (typeof value === 'object' ? value[i] : value) ?? fallback,
    );
    if (typeof value === 'object' && value.length !== period)
      throw invalid(`${value.length} means or deviations for ${period} features`);
    return list;
  };
  const [mean, std] = [perEntry(affine.mean, 0), perEntry(affine.std, 1)];
  if (std.some((s) => !(s > 0))) throw invalid('a standard deviation is not above 0');
  // A tree ensemble's features have a scale and zero point each, in the units of the feature itself.
  const own = input.quantization!;
  if (own.axis !== null && own.scales.length !== period)
    throw invalid(`${own.scales.length} scales of the model's features for ${period} features`);
  const scales = affine.factor.map((_, i) => own.scales[own.axis === null ? 0 : i]!);
  const fixed = affine.factor.map((factor, i) => fixedPoint(factor / std[i]! / scales[i]!));
  const [low, high] =
    row.dtype === 'int16' ? [-32_768, 32_767] : row.dtype === 'uint8' ? [0, 255] : [-128, 127];
  const centres = mean.map((m, i) => {
    const zero = own.axis === null ? 0 : own.zeroPoints[i]! * scales[i]! * std[i]!;
    const centre = Math.round((m - zero) / affine.factor[i]!);
    if (Math.abs(centre) > 2 ** 31 - 1) throw invalid(`a mean of ${m} is out of range`);
    return centre;
  });
  const tables = [
    b.table(
      'int32',
      fixed.map((f) => f.multiplier),
    ),
    b.table(
      'uint8',
      fixed.map((f) => f.shift),
    ),
    b.table('int32', centres),
  ];
  b.stage('scale', [from, ...tables], [row], {
    elements: n,
    period,
    axes,
    output_offset: own.axis === null ? zeroPointOf(input) : 0,
    output_min: low,
    output_max: high,
  });
}

// ---- spectra ---------------------------------------------------------------------------------------------------------

const nextPowerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(16, n)));

interface SpectrumOptions {
  readonly frame: number;
  readonly axes: number;
  readonly axis: number;
  readonly centre: boolean;
  /** Bins whose energy is wanted. */
  readonly bins: readonly [start: number, end: number];
}

/** Window, FFT and energy of one axis. The energy overwrites the spectrum. */
function energyOf(b: FrontEndBuilder, o: SpectrumOptions): { energy: Place; shift: Place } {
  const length = nextPowerOfTwo(o.frame);
  if (length > 4096) throw invalid(`a window of ${o.frame} frames is longer than the longest FFT, 4096`);
  const windowed = b.arena('int16', o.frame);
  const spectrum = b.arena('int16', length + 2);
  const shift = b.arena('int32', 1);
  const window = b.table('int16', hannWindow(o.frame));
  b.stage('window', [b.samples, window], [windowed], {
    frame: o.frame,
    axes: o.axes,
    axis: o.axis,
    shift: 12,
    centre: o.centre ? 1 : 0,
  });
  b.stage('fft', [windowed, b.table('int16', quarterSine(length))], [spectrum, shift], {
    length,
    frame: o.frame,
  });
  const energy = b.as(spectrum, 'uint32');
  b.stage('energy', [spectrum], [energy], { bins: length / 2 + 1, start: o.bins[0], end: o.bins[1] });
  return { energy, shift };
}

interface Mel {
  readonly frame: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly lowerHz: number;
  readonly upperHz: number;
}

function melBands(b: FrontEndBuilder, o: Mel): Place {
  if (!(o.lowerHz >= 0 && o.lowerHz < o.upperHz && o.upperHz <= o.sampleRate / 2))
    throw invalid(
      `bands from ${o.lowerHz} to ${o.upperHz} Hz need a sample rate of twice that, not ${o.sampleRate}`,
    );
  const bank = melBank({ ...o, fftLength: nextPowerOfTwo(o.frame) });
  const { energy, shift } = energyOf(b, {
    ...o,
    axes: 1,
    axis: 0,
    centre: false,
    bins: [bank.start, bank.end],
  });
  const bands = b.arena('uint32', o.channels);
  const tables = [b.table('int16', bank.weights), b.table('uint16', bank.widths)];
  b.stage('filter_bank', [energy, ...tables, shift], [bands], {
    channels: o.channels,
    start: bank.start,
    bins: bank.end - bank.start,
  });
  return bands;
}

function microSpeech(d: MicroSpeech, c: FrontEndContext): Rows {
  const { sampleRate = 16_000, windowMs = 30, hopMs = 20, channels = 40, lowerHz = 125, upperHz = 7500 } = d;
  oneAxis(c);
  const frame = Math.round((windowMs * sampleRate) / 1000);
  return {
    frame,
    hop: Math.round((hopMs * sampleRate) / 1000),
    newRows: d.newRows,
    elements: channels,
    make: (b, row) => {
      const bands = melBands(b, { frame, sampleRate, channels, lowerHz, upperHz });
      const noise = b.state('uint32', channels);
      b.stage('noise_reduction', [bands], [bands, noise], {
        channels,
        smoothing_bits: 10,
        clamping: 0,
        even_smoothing: 409,
        odd_smoothing: 983,
        min_signal: 819,
      });
      const gains = b.table('int16', pcanGains({ strength: 0.95, offset: 80, gainBits: 21, inputBits: 7 }));
      b.stage('pcan', [bands, noise, gains], [bands], { channels, snr_shift: 6 });
      const logs = b.arena('int16', channels);
      b.stage('log', [bands, b.table('uint16', logTable())], [logs], {
        channels,
        output_scale: 64,
        correction_bits: 3,
      });
      // The preprocessor's last ops: (256 x + 333) / 666 - 128, whatever scale the model states. 256 x / 666 is never a
      // half (333 is odd) and at least 1 / 666 away from one, so one rounded product of 31 bits gives the same integer.
      const { multiplier, shift } = fixedPoint(256 / 666);
      const tables = [b.table('int32', [multiplier]), b.table('uint8', [shift]), b.table('int32', [0])];
      if (row.dtype !== 'int8') throw invalid('micro-speech features are int8');
      b.stage('scale', [logs, ...tables], [row], {
        elements: channels,
        period: 1,
        axes: 0,
        output_offset: -128,
        output_min: -128,
        output_max: 127,
      });
    },
  };
}

/** Natural logarithms up to ln 2^32 fill 15 bits. */
const LOG_SCALE = 1024;

function mfcc(d: Mfcc, c: FrontEndContext): Rows {
  oneAxis(c);
  const frame = Math.round((d.windowMs * d.sampleRate) / 1000);
  if (!(d.coefficients >= 1 && d.coefficients <= d.bands))
    throw invalid(`${d.coefficients} coefficients of ${d.bands} bands`);
  return {
    frame,
    hop: Math.round((d.hopMs * d.sampleRate) / 1000),
    newRows: d.newRows,
    elements: d.coefficients,
    make: (b, row) => {
      const bands = melBands(b, { ...d, frame, channels: d.bands });
      const logs = b.arena('int16', d.bands);
      b.stage('log', [bands, b.table('uint16', logTable())], [logs], {
        channels: d.bands,
        output_scale: LOG_SCALE,
        correction_bits: 0,
      });
      const cepstrum = b.arena('int16', d.coefficients);
      // The first coefficient grows with sqrt(bands): 3 more bits keep 64 bands inside int16.
      const headroom = 3;
      b.stage('dct', [logs, b.table('int16', dctTable(d.bands, d.coefficients))], [cepstrum], {
        inputs_n: d.bands,
        outputs_n: d.coefficients,
        shift: 15 + headroom,
      });
      const factor = new Array<number>(d.coefficients).fill((2 ** headroom / LOG_SCALE) * (32_768 / 32_767));
      quantize(b, cepstrum, row, c.input, { factor, mean: d.mean, std: d.std });
    },
  };
}

function spectralPower(d: SpectralPower, c: FrontEndContext): Rows {
  const bands = d.edgesHz.length - 1;
  const length = nextPowerOfTwo(d.frame);
  const edges = d.edgesHz.map((hertz) => Math.round((hertz * length) / d.sampleRate));
  if (
    bands < 1 ||
    edges.some((edge, i) => edge < 0 || edge > length / 2 + 1 || (i > 0 && edge < edges[i - 1]!))
  )
    throw invalid('band edges must ascend from 0 to half the sample rate');
  return {
    ...sampled(d),
    elements: bands * c.axes,
    make: (b, row) => {
      const fractionBits = 8;
      const features = b.arena('uint32', bands * c.axes);
      const table = b.table('uint16', edges);
      for (let axis = 0; axis < c.axes; axis++) {
        const bins = [edges[0]!, edges[bands]!] as const;
        const { energy, shift } = energyOf(b, { frame: d.frame, axes: c.axes, axis, centre: true, bins });
        const part = b.slice(features, axis * bands, bands);
        b.stage('spectral_power', [energy, table, shift], [part], { bands, fraction_bits: fractionBits });
      }
      const units = d.unitsPerCount ?? 1;
      const n = bands * c.axes;
      if (d.logarithm !== true) {
        const factor = new Array<number>(n).fill(units / 2 ** fractionBits);
        quantize(b, features, row, c.input, { factor, mean: d.mean, std: d.std });
        return;
      }
      const logs = b.arena('int16', n);
      const log = b.table('uint16', logTable());
      b.stage('log', [features, log], [logs], { channels: n, output_scale: LOG_SCALE, correction_bits: 0 });
      quantize(b, logs, row, c.input, {
        factor: new Array<number>(n).fill(1 / LOG_SCALE),
        mean: d.mean,
        std: d.std,
      });
    },
  };
}

// ---- time domain -----------------------------------------------------------------------------------------------------

const PLAIN: readonly Statistic[] = ['zero_crossings', 'kurtosis', 'crest'];

function statistics(d: Statistics, c: FrontEndContext): Rows {
  const names = (Object.keys(STATISTICS) as Statistic[]).filter((name) => d.features.includes(name));
  if (names.length === 0) throw invalid('no statistic is named');
  if (d.frame > 65_535) throw invalid(`statistics cover at most 65535 frames, not ${d.frame}`);
  const n = names.length * c.axes;
  return {
    ...sampled(d),
    elements: n,
    make: (b, row) => {
      const features = b.arena('int32', n);
      const bitmap = names.reduce((bits, name) => bits | STATISTICS[name], 0);
      b.stage('statistics', [b.samples], [features], { frame: d.frame, features: bitmap, axes: c.axes });
      const units = d.unitsPerCount ?? 1;
      const factor = Array.from(
        { length: n },
        (_, i) => (PLAIN.includes(names[i % names.length]!) ? 1 : units) / 256,
      );
      quantize(b, features, row, c.input, { factor, mean: d.mean, std: d.std });
    },
  };
}

function rawCounts(d: Extract<FrontEnd, { kind: 'scale' }>, c: FrontEndContext): Rows {
  const n = elements(c.input);
  const frame = n / c.axes;
  if (!Number.isInteger(frame)) throw invalid(`${c.axes} axes do not fill the input of ${n} elements`);
  const hop = d.hop ?? frame;
  return {
    frame,
    hop,
    newRows: 1,
    elements: n,
    make: (b, row) => {
      const factor = new Array<number>(c.axes).fill(d.unitsPerCount ?? 1);
      const axes = c.axisOrder === 1 ? c.axes : 0;
      quantize(b, b.samples, row, c.input, { factor, mean: d.mean, std: d.std }, axes);
    },
  };
}

function sampled(d: { frame: number; hop?: number; newRows?: number }): {
  frame: number;
  hop: number;
  newRows: number | undefined;
} {
  return { frame: d.frame, hop: d.hop ?? d.frame, newRows: d.newRows };
}

function oneAxis(c: FrontEndContext): void {
  if (c.axes !== 1) throw invalid(`an audio front end takes one axis, not ${c.axes}`);
}
