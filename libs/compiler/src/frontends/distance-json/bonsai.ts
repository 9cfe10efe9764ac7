// Bonsai trees (Kumar et al., ICML 2017) from the arrays EdgeML saves: Z [rows, features + 1], T [inner nodes, rows], W and V
// [nodes * classes, rows], nodes from the root, children of k at 2k + 1 and 2k + 2. z = Z [x; 1] / rows.
import type { Diagnostic } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import { graphOf, invalid, largest, matrix, scaleOfFeatures, vector, type DistanceModel } from './graph.js';

type Matrix = readonly (readonly number[])[];

/** Features are standardized; without a scale this many deviations fit. */
const MOST_DEVIATIONS = 8;
const MOST_FEATURE = 32_768;
/** Bits of z and of weights in the kernel, and of the argument of its tanh. */
const PROJECTED_BITS = 30;
const WEIGHT_BITS = 27;
const TANH_BITS = 27;
/** More add nothing: weights near 0. */
const MOST_BITS = 40;
/** Of the kernel's tanh. */
const TANH_ERROR = 2 ** -24;

/** Most bits of fraction with which `most` is below 2^room. */
const bitsFor = (most: number, room: number): number =>
  Math.min(MOST_BITS, Math.floor(Math.log2((2 ** room - 1) / most)));
const fixed = (rows: Matrix, bits: number): number[] => rows.flat().map((v) => Math.round(v * 2 ** bits));
const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
/** Greatest |row . z| with |z| up to `reach`. */
const reachOf = (row: readonly number[], reach: readonly number[]): number =>
  sumOf(row.map((v, i) => Math.abs(v) * reach[i]!));

export function bonsai(m: DistanceModel, notes: Diagnostic[]): Graph {
  const { features, depth, classes, projection, bias, thetas, w, v } = arrays(m);
  const scale = scaleOfFeatures(m, MOST_DEVIATIONS, 32_767);
  const perUnit = projection.map((row) => row.map((value) => value * scale));

  // z, with what rounding its weights, its bias and itself may do to it.
  const zReach = perUnit.map((row, r) => MOST_FEATURE * sumOf(row.map(Math.abs)) + Math.abs(bias[r]!));
  const zMost = Math.max(...zReach);
  const projectionBits = bitsFor(largest(perUnit), 15);
  // One bit less than there is: what rounding adds must not be clamped.
  const zBits = Math.min(bitsFor(zMost, PROJECTED_BITS - 1), projectionBits - 1);
  const biasMost = largest([bias]) * 2 ** projectionBits;
  const biasShift = Math.max(0, Math.ceil(Math.log2(Math.max(biasMost, 1) / (2 ** 31 - 1))));
  if (!(zBits >= 0 && biasShift <= 30)) throw invalid('Z is too large for the features');
  const zError =
    (features * MOST_FEATURE * 0.5 + 2 ** biasShift * 0.5) * 2 ** -projectionBits + 2 ** -zBits * 0.5;

  const vBits = bitsFor(largest(v), 15);
  const wBits = bitsFor(largest(w), 15);
  const thetaBits = bitsFor(largest(thetas), 15);
  const wReach = w.map((row) => reachOf(row, zReach));
  const scoreBits = Math.min(bitsFor(Math.max(...wReach), WEIGHT_BITS - 1), wBits + zBits - 1);
  const vShift = vBits + zBits - TANH_BITS;
  if (vShift < 1 || scoreBits < 0) throw invalid('weights times projected features are beyond 2^16');

  /** Greatest error of a product with z: of rounded weights, then of z. */
  const productError = (row: readonly number[], bits: number): number =>
    2 ** -bits * 0.5 * sumOf(zReach) + (sumOf(row.map(Math.abs)) + row.length * 2 ** -bits * 0.5) * zError;
  const nodeErrors = w.map((row, i) => {
    const tanhError = Math.min(2, productError(v[i]!, vBits) + 2 ** -TANH_BITS) + TANH_ERROR;
    const weightError = productError(row, wBits) + 2 ** -scoreBits;
    return weightError + (wReach[i]! + weightError) * tanhError;
  });
  const most = Math.max(...pathSums(wReach, depth, classes));
  const outputMost = m['largest'] === undefined ? most : Number(m['largest']);
  // Sums of 26 bits and more become 15: down to this the kernel shifts them to the right only.
  if (!(outputMost >= most / 1024 && Number.isFinite(outputMost)))
    throw invalid(`a largest score of ${String(m['largest'])}`);
  const outputScale = Math.fround(outputMost / 32_000);
  const error = Math.max(...pathSums(nodeErrors, depth, classes)) + outputScale;
  const branch = Math.max(...thetas.map((row) => productError(row, thetaBits)));

  const graph = graphOf(
    'bonsai',
    {
      depth,
      biasShift,
      projectionShift: projectionBits - zBits,
      vShift,
      wShift: wBits + zBits - scoreBits,
      fractionBits: scoreBits,
    },
    {
      features,
      input: 'int16',
      scale,
      constants: [
        ['projection', 'int16', fixed(perUnit, projectionBits)],
        ['bias', 'int32', fixed([bias], projectionBits - biasShift)],
        ['thetas', 'int16', fixed(thetas, thetaBits)],
        ['w', 'int16', fixed(w, wBits)],
        ['v', 'int16', fixed(v, vBits)],
      ],
      output: { dtype: 'int16', shape: [1, classes], scale: outputScale, zeroPoint: 0 },
    },
  );
  const data = {
    depth,
    projected: perUnit.length,
    classes,
    most: Number((scale * 32_767).toPrecision(3)),
    error: Number(error.toPrecision(2)),
    branch: Number(branch.toPrecision(2)),
  };
  notes.push({ code: 'compiler.bonsai-quantized', severity: 'warning', data });
  return graph;
}

/** For every leaf and class, the sum over the nodes from the root to it. */
function pathSums(values: readonly number[], depth: number, classes: number): number[] {
  const sums = [...values];
  for (let i = classes; i < values.length; i++) {
    const node = Math.floor(i / classes);
    sums[i]! += sums[Math.floor((node - 1) / 2) * classes + (i % classes)]!;
  }
  return sums.slice((2 ** depth - 1) * classes);
}

/** Z without its column of the constant 1, divided; V times sigma. */
function arrays(m: DistanceModel) {
  const z = matrix(m['Z'], 'Z');
  const rows = z.length;
  const hasBias = m['bias'] ?? true;
  if (typeof hasBias !== 'boolean') throw invalid('bias is neither true nor false');
  const features = z[0]!.length - (hasBias ? 1 : 0);
  if (features < 1) throw invalid('Z has no column per feature');
  const factor = m['projectionScale'] === undefined ? 1 / rows : Number(m['projectionScale']);
  const sigma = m['sigma'] === undefined ? 1 : Number(m['sigma']);
  for (const [what, value] of Object.entries({ projectionScale: factor, sigma }))
    if (!(value > 0 && Number.isFinite(value))) throw invalid(`${what} is ${value}`);
  const thetas = matrix(m['T'], 'T', rows);
  const depth = Math.log2(thetas.length + 1);
  if (!Number.isInteger(depth) || depth > 8)
    throw invalid(`T has ${thetas.length} rows, not 1, 3, 7 and so on up to 255`);
  const w = matrix(m['W'], 'W', rows);
  const v = matrix(m['V'], 'V', rows);
  const classes = w.length / (2 * thetas.length + 1);
  if (!Number.isInteger(classes) || v.length !== w.length)
    throw invalid(`W and V are not ${2 * thetas.length + 1} nodes of as many classes each`);
  if (!(largest(z) > 0 && largest(thetas) > 0 && largest(w) > 0)) throw invalid('Z, T or W is all zeros');
  const bias = hasBias ? z.map((row) => row.at(-1)! * factor) : z.map(() => 0);
  return {
    features,
    depth,
    classes,
    projection: z.map((row) =>
      vector(
        row.slice(0, features).map((x) => x * factor),
        'Z',
      ),
    ),
    bias: vector(bias, 'Z'),
    thetas,
    w,
    v: v.map((row) =>
      vector(
        row.map((x) => x * sigma),
        'V',
      ),
    ),
  };
}
