// Nearest neighbours, anomaly scores and Bonsai trees as JSON of our own, for what training libraries keep in memory only (scikit-learn's
// cluster_centers_, means_, covariances_): {"tinyfleet-model": "k-nearest" | "k-means" | "gaussian" | "mahalanobis" | "bonsai", ...}.
// Features get one int8 scale with zero point 0: normalize them first, on the device by the front end's mean and std.
import type { Diagnostic } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import type { ModelLimits } from '../limits.js';
import { bonsai } from './bonsai.js';
import {
  graphOf,
  invalid,
  largest,
  matrix,
  positive,
  quantize,
  scaleOfFeatures,
  vector,
  type Constant,
  type DistanceModel,
} from './graph.js';

const SIGNATURE = /^\s*\{[^]*"tinyfleet-model"/;
/** Scores beyond are clamped: standard deviations, or 32 per feature of a log-likelihood. */
const MOST_DEVIATIONS = 64;

/** The graph, or undefined for a file of another kind; `notes` gets what was rounded. Throws compiler.distances-invalid. */
export function openDistances(file: Uint8Array, limits: ModelLimits, notes: Diagnostic[]): Graph | undefined {
  if (
    file.length > limits.jsonBytes ||
    !SIGNATURE.test(new TextDecoder('latin1').decode(file.subarray(0, 4096)))
  )
    return undefined;
  let model: Record<string, unknown>;
  try {
    model = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(file)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const kind = String(model['tinyfleet-model']);
  const make = KINDS[kind];
  if (make === undefined) throw invalid(`${kind} is none of ${Object.keys(KINDS).join(', ')}`);
  return make({ ...model, kind }, notes);
}

const KINDS: Readonly<Record<string, (m: DistanceModel, notes: Diagnostic[]) => Graph>> = {
  'k-nearest': kNearest,
  'k-means': kMeans,
  gaussian,
  mahalanobis,
  bonsai,
};

// ---- graphs -------------------------------------------------------------------------------------------------------

const score = (most: number) =>
  ({ dtype: 'int16', shape: [1, 1], scale: most / 32_000, zeroPoint: 0 }) as const;

function kNearest(m: DistanceModel): Graph {
  const rows = matrix(m['prototypes'], 'prototypes');
  const labels = vector(m['labels'], 'labels', rows.length);
  const classes = Math.max(...labels) + 1;
  const k = m['k'] === undefined ? 1 : Number(m['k']);
  const metric = m['metric'] ?? 'l2';
  if (!labels.every((l) => Number.isInteger(l) && l >= 0) || classes > 4096)
    throw invalid('labels are not whole numbers from 0');
  if (!(Number.isInteger(k) && k >= 1 && k <= Math.min(16, rows.length)))
    throw invalid(`k is ${k}, not 1 to 16`);
  if (metric !== 'l2' && metric !== 'l1')
    throw invalid(`the metric is ${JSON.stringify(metric)}, not l1 or l2`);
  const scale = scaleOfFeatures(m, largest(rows));
  return graphOf(
    'prototypes',
    { k, metric },
    {
      features: rows[0]!.length,
      scale,
      constants: [
        ['prototypes', 'int8', quantize(rows.flat(), scale)],
        ['labels', 'int16', labels],
      ],
      output: { dtype: 'int8', shape: [1, classes], scale: 1 / 256, zeroPoint: -128 },
    },
  );
}

function kMeans(m: DistanceModel): Graph {
  const centres = matrix(m['centres'], 'centres');
  const radii = m['radii'] === undefined ? centres.map(() => 1) : vector(m['radii'], 'radii', centres.length);
  positive(radii, 'radii');
  const features = centres[0]!.length;
  const scale = scaleOfFeatures(m, 1.5 * largest(centres));
  const most = (Math.sqrt(features) * 255 * scale) / Math.min(...radii);
  const constants: Constant[] = [['centres', 'int8', quantize(centres.flat(), scale)]];
  return graphOf('k_means_score', { radii }, { features, scale, constants, output: score(most) });
}

function gaussian(m: DistanceModel): Graph {
  const means = matrix(m['means'], 'means');
  const features = means[0]!.length;
  const variances = matrix(m['variances'], 'variances', features);
  if (variances.length !== means.length) throw invalid('means and variances differ in number');
  variances.forEach((row) => positive(row, 'variances'));
  const weights =
    m['weights'] === undefined
      ? means.map(() => 1 / means.length)
      : vector(m['weights'], 'weights', means.length);
  positive(weights, 'weights');
  const reach = means.map((row, k) => row.map((v, i) => Math.abs(v) + 4 * Math.sqrt(variances[k]![i]!)));
  const scale = scaleOfFeatures(m, largest(reach));
  const inverse = variances.flat().map((v) => (0.5 * scale * scale) / v);
  const bits = Math.floor(Math.log2(32_767 / Math.max(...inverse)));
  const fractionBits = Math.max(0, Math.min(12, bits));
  if (bits < 0 || bits - fractionBits > 31)
    throw invalid('variances are too small or too large for the features');
  const offsets = variances.map((row, k) =>
    row.reduce((sum, v) => sum + 0.5 * Math.log(2 * Math.PI * v), -Math.log(weights[k]!)),
  );
  const most = 32 * features + Math.max(...offsets.map(Math.abs));
  return graphOf(
    'gaussian_score',
    { sumShift: bits - fractionBits, fractionBits },
    {
      features,
      scale,
      constants: [
        ['means', 'int8', quantize(means.flat(), scale)],
        ['inverse variances', 'int16', inverse.map((v) => Math.round(v * 2 ** bits))],
        ['offsets', 'int32', offsets.map((v) => Math.round(v * 2 ** fractionBits))],
      ],
      output: score(most),
    },
  );
}

function mahalanobis(m: DistanceModel): Graph {
  const mean = vector(m['mean'], 'mean');
  const covariance = matrix(m['covariance'], 'covariance', mean.length);
  if (covariance.length !== mean.length || mean.length > 512)
    throw invalid('the covariance is not square, or larger than 512');
  const deviations = covariance.map((row, i) => 4 * Math.sqrt(Math.max(0, row[i]!)) + Math.abs(mean[i]!));
  const scale = scaleOfFeatures(m, Math.max(...deviations));
  const whitening = inverseCholesky(covariance).map((row) => row.map((v) => v * scale));
  const bits = Math.floor(Math.log2(32_767 / largest(whitening)));
  const rowShift = Math.max(1, Math.min(31, bits - 8));
  return graphOf(
    'mahalanobis_score',
    { rowShift, fractionBits: bits - rowShift },
    {
      features: mean.length,
      scale,
      constants: [
        ['mean', 'int8', quantize(mean, scale)],
        ['whitening', 'int16', whitening.flat().map((v) => Math.round(v * 2 ** bits))],
      ],
      output: score(MOST_DEVIATIONS),
    },
  );
}

/** L^-1 of covariance = L L^T: its product with a deviation has the Mahalanobis distance as length. */
function inverseCholesky(covariance: readonly (readonly number[])[]): number[][] {
  const n = covariance.length;
  const lower = covariance.map(() => new Array<number>(n).fill(0));
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = covariance[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      if (i === j && !(sum > 0)) throw invalid('the covariance is not positive definite');
      lower[i]![j] = i === j ? Math.sqrt(sum) : sum / lower[j]![j]!;
    }
  const inverse = covariance.map(() => new Array<number>(n).fill(0));
  for (let column = 0; column < n; column++)
    for (let i = column; i < n; i++) {
      let sum = i === column ? 1 : 0;
      for (let k = column; k < i; k++) sum -= lower[i]![k]! * inverse[k]![column]!;
      inverse[i]![column] = sum / lower[i]![i]!;
    }
  return inverse;
}
