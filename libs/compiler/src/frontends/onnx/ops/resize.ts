// Resize and Upsample of images: nearest and linear, where TFLite's sampling positions are the very same.
import { resize } from '../../net/emit.js';
import type { Pair } from '../../net/graph-writer.js';
import type { OnnxContext } from '../context.js';

/** Parameters of the bundle are 16-bit. */
const LARGEST = 65_535;

/** TFLite's three ways to place samples. */
const PLACEMENTS = [
  { alignCorners: false, halfPixelCenters: true },
  { alignCorners: false, halfPixelCenters: false },
  { alignCorners: true, halfPixelCenters: false },
] as const;

export function importResize(c: OnnxContext): void {
  const x = c.spatial(0);
  if (x.rank !== 4) throw c.option('three dimensions');
  const [n, h, w, depth] = c.writer.shape(x.id) as [number, number, number, number];
  const old = c.opType === 'Upsample' || c.opset < 11;
  const { out, scale } = target(c, x.shape, old);
  if (out[0] !== n || out[1] !== depth) throw c.option('scaling of batch or channels');
  const size: Pair = [out[2]!, out[3]!];
  if (size.some((n) => !(Number.isInteger(n) && n >= 1 && n <= LARGEST)))
    throw c.invalid('its result is out of range');
  const mode = c.text('mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'bilinear') throw c.option(`mode ${mode}`);
  if (c.int('antialias', 0) !== 0) throw c.option('antialias');
  const position = old ? 'asymmetric' : c.text('coordinate_transformation_mode', 'half_pixel');
  const rounding = old ? 'floor' : c.text('nearest_mode', 'round_prefer_floor');
  const axes = [
    { input: h, output: size[0], scale: scale[2]! },
    { input: w, output: size[1], scale: scale[3]! },
  ];
  const nearest = mode === 'nearest';
  const placement = PLACEMENTS.find((p) =>
    axes.every((axis) => {
      for (let i = 0; i < axis.output; i++) {
        const [theirs, ours] = [onnxPosition(position, axis, i), tflitePosition(p, axis, i, nearest)];
        const same = nearest
          ? clampTo(round(rounding, theirs), axis.input) === clampTo(ours, axis.input)
          : Math.abs(Math.max(0, theirs) - Math.max(0, ours)) < 1e-4;
        if (!same) return false;
      }
      return true;
    }),
  );
  if (placement === undefined)
    throw c.option(
      `sampling ${position} ${nearest ? rounding : ''}`,
      'use half_pixel or asymmetric with whole factors',
    );
  const kind = nearest ? 'resize_nearest_neighbor' : 'resize_bilinear';
  const y = resize(c.writer, kind, x.id, { size, ...placement, name: c.name });
  c.spatialResult(y, 4);
}

interface Axis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
}

/** Extents and factors of all four dimensions, batch and channels first. */
function target(c: OnnxContext, shape: readonly number[], old: boolean): { out: number[]; scale: number[] } {
  const at = old ? 1 : 2;
  const scales = c.has(at) ? [...c.constant(at).values] : scalesAttribute(c);
  const sizes = !old && c.has(3) ? [...c.constant(3).values] : null;
  const axes = c.ints('axes') ?? shape.map((_, i) => i);
  if (sizes !== null && sizes.length > 0) {
    if (c.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
      throw c.option('keep_aspect_ratio_policy');
    if (sizes.length !== axes.length) throw c.invalid('its sizes do not fit its operand');
    const out = shape.map((n, k) => (axes.includes(k) ? sizes[axes.indexOf(k)]! : n));
    return { out, scale: out.map((n, k) => n / shape[k]!) };
  }
  if (scales === null || scales.length !== axes.length) throw c.invalid('it has neither scales nor sizes');
  const scale = shape.map((_, k) => (axes.includes(k) ? scales[axes.indexOf(k)]! : 1));
  const out = shape.map((n, k) => Math.floor(n * scale[k]!));
  if (out.some((n) => !(n >= 1))) throw c.invalid('its scales are impossible');
  return { out, scale };
}

function scalesAttribute(c: OnnxContext): number[] | null {
  return c.floats('scales')?.slice() ?? null;
}

function onnxPosition(mode: string, { input, output, scale }: Axis, i: number): number {
  switch (mode) {
    case 'half_pixel':
    case 'half_pixel_symmetric':
      return (i + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return output > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'asymmetric':
      return i / scale;
    case 'align_corners':
      return output > 1 ? (i * (input - 1)) / (output - 1) : 0;
    default:
      return NaN;
  }
}

/** Where TFLite's kernels sample: an index for nearest, a position for linear. */
function tflitePosition(
  p: (typeof PLACEMENTS)[number],
  { input, output }: Axis,
  i: number,
  nearest: boolean,
): number {
  const step = p.alignCorners && output > 1 ? (input - 1) / (output - 1) : input / output;
  const at = p.halfPixelCenters ? (i + 0.5) * step : i * step;
  if (!nearest) return p.halfPixelCenters ? at - 0.5 : at;
  return p.alignCorners ? Math.floor(at + 0.5) : Math.floor(at);
}

function round(mode: string, at: number): number {
  if (mode === 'floor') return Math.floor(at);
  if (mode === 'ceil') return Math.ceil(at);
  if (mode === 'round_prefer_ceil') return Math.floor(at + 0.5);
  return Math.ceil(at - 0.5);
}

function clampTo(index: number, extent: number): number {
  return Math.min(extent - 1, Math.max(0, index));
}
