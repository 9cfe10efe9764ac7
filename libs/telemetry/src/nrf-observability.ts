/**
 * `up/telemetry.nrf`: what the observability library of Nordic's nRF Edge AI add-on encodes (`nrf_edgeai_obsv_encode_list`, or
 * one payload of `nrf_edgeai_obsv_encode_cbor`), as it is, for firmware that is not ours. The format is that of
 * `lib/nrf_edgeai_obsv/obsv.cddl` and `nrf_edgeai_obsv_metrics.h` in nrfconnect/sdk-edge-ai; docs/telemetry-sources.md says what becomes
 * of each metric. Unknown keys and metrics are skipped, as the format wants it.
 *
 * A payload carries neither time nor number. Its digest stands for the boot, so that a repeated one is known, and its window ends
 * when it first arrives.
 */
import { createHash } from 'node:crypto';
import { decode } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import { crc32, packHistogram, type FeatureSummary, type Telemetry } from '@tinyfleet/wire';
import { featureBins } from './window.js';

/** On-wire metric ids (enum nrf_edgeai_obsv_metric_id). */
const metricId = {
  transitions: 2,
  probabilities: 3,
  switchRate: 4,
  entropy: 5,
  margin: 6,
  melEnergy: 7,
  melSpectral: 8,
  classStreaks: 9,
} as const;
/** Those that become features, one for each row; a window takes 16 (docs/spec/wire.cddl), so what matters most goes first. */
const featureIds: readonly number[] = [
  metricId.entropy,
  metricId.margin,
  metricId.probabilities,
  metricId.melEnergy,
  metricId.melSpectral,
  metricId.classStreaks,
];
const maxFeatures = 16;
/** Models in one list; a device runs a few. */
const maxModels = 8;
/** 2 added the number of features; nothing that is read here changed. */
const formatVersions = [1, 2];
const maxUint16 = 65_535;

interface Metric {
  readonly id: number;
  readonly version: number;
  readonly rows: readonly (readonly number[])[];
}
interface Payload {
  readonly inferences: number;
  readonly classes: number;
  readonly modelId: number;
  readonly modelVersion: number;
  readonly metrics: readonly Metric[];
}

/** One message for each model that inferred anything. @throws telemetry.observability-invalid */
export function parseNrfObservability(payload: Uint8Array): Telemetry[] {
  let items: unknown;
  try {
    items = decode(payload, { useMaps: true, rejectDuplicateMapKeys: true });
  } catch (error) {
    throw invalid('the payload', (error as Error).message.slice(0, 120));
  }
  const list = Array.isArray(items) ? items : [items];
  if (list.length > maxModels) throw invalid('the list', `it has ${list.length} models, above ${maxModels}`);
  const boot = createHash('sha256').update(payload).digest().readBigUInt64BE(0);
  return list
    .map(payloadOf)
    .filter(({ inferences }) => inferences > 0)
    .map((one, sequence) => messageOf(one, boot, sequence));
}

/** The bundle that a model of this id and version goes by: 4 bytes each, big-endian. */
export function nrfBuildPrefix(modelId: number, modelVersion: number): Uint8Array {
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(modelId, 0);
  prefix.writeUInt32BE(modelVersion, 4);
  return new Uint8Array(prefix);
}

function payloadOf(item: unknown): Payload {
  const map = mapOf(item, 'a payload');
  const version = uint(map, 'format_version');
  if (!formatVersions.includes(version))
    throw invalid('format_version', `it is ${version}, not ${formatVersions.join(' or ')}`);
  const model = mapOf(map.get('model'), 'model');
  const metrics = map.get('metrics');
  if (!Array.isArray(metrics)) throw invalid('metrics', 'it is no list');
  const classes = uint(model, 'num_classes', maxUint16);
  return {
    // Counts of a histogram have 16 bits.
    inferences: uint(map, 'num_inferences', maxUint16),
    classes,
    modelId: uint(model, 'id'),
    modelVersion: uint(model, 'version'),
    metrics: metrics.map((one) => metricOf(one, classes)),
  };
}

function metricOf(item: unknown, classes: number): Metric {
  const map = mapOf(item, 'a metric');
  const id = uint(map, 'id');
  const rows: unknown = map.get('d');
  if (!Array.isArray(rows)) throw invalid(`metric ${id}`, 'd is no list');
  const columns = Array.isArray(rows[0]) ? rows[0].length : 0;
  const matrix = rows.map((row: unknown) => {
    if (!Array.isArray(row) || row.length !== columns || !row.every(isUint))
      throw invalid(`metric ${id}`, 'd is no matrix of unsigned integers');
    return row;
  });
  const needed =
    id === metricId.probabilities || id === metricId.transitions
      ? classes
      : id === metricId.switchRate || id === metricId.entropy || id === metricId.margin
        ? 1
        : matrix.length;
  if (matrix.length !== needed) throw invalid(`metric ${id}`, `it has ${matrix.length} rows, not ${needed}`);
  if (id === metricId.transitions && columns !== classes) throw invalid(`metric ${id}`, 'it is not square');
  if (id === metricId.switchRate && columns !== 2) throw invalid(`metric ${id}`, 'it has not two numbers');
  return { id, version: uint(map, 'v'), rows: matrix };
}

function messageOf(payload: Payload, boot: bigint, sequence: number): Telemetry {
  const { inferences, classes, metrics, modelId, modelVersion } = payload;
  const of = (id: number): Metric | undefined => metrics.find((one) => one.id === id);
  const features: FeatureSummary[] = [];
  const layout: number[] = [classes];
  for (const id of featureIds) {
    const metric = of(id);
    for (const row of metric?.rows ?? []) {
      if (features.length === maxFeatures) break;
      features.push(featureOf(id, row));
      layout.push(id, metric!.version, row.length);
    }
  }
  const transitions = of(metricId.transitions)?.rows;
  const switches = of(metricId.switchRate)?.rows[0]?.[0];
  return {
    component: 'model',
    bootId: boot,
    sequence,
    uptimeMs: 0,
    build: nrfBuildPrefix(modelId, modelVersion),
    // Other metrics, or other bins, are another schema: they never merge.
    schema: crc32(Buffer.from(Uint32Array.from(layout).buffer)),
    startMs: 0,
    lengthMs: 0,
    n: inferences,
    classes: packHistogram(transitions ? classCounts(transitions, inferences) : []),
    confidenceBins: 1,
    ...(switches === undefined ? {} : { switches: Math.min(switches, maxUint16) }),
    features,
  };
}

/**
 * How often each class was predicted. A transition counts the class it leads to, so only the first inference is missing: the
 * path leaves its class once more than it enters it. A path that ends where it began does not tell where that was: then it
 * is counted for the class that came most often, one inference at most for the wrong one.
 */
function classCounts(transitions: readonly (readonly number[])[], inferences: number): number[] {
  const entered = transitions.map((_, to) => transitions.reduce((sum, row) => sum + row[to]!, 0));
  const left = transitions.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = entered.reduce((sum, count) => sum + count, 0);
  if (total !== inferences - 1)
    throw invalid(
      `metric ${metricId.transitions}`,
      `${total} transitions do not belong to ${inferences} inferences`,
    );
  const first = left.findIndex((count, i) => count > entered[i]!);
  entered[first >= 0 ? first : entered.indexOf(Math.max(...entered))]!++;
  return entered;
}

/**
 * A histogram as a monitored feature: its value is the number of the bin. Fewer than 16 bins leave the last empty; more are
 * joined with their neighbours, always the same ones.
 */
function featureOf(id: number, row: readonly number[]): FeatureSummary {
  const joined = Math.max(1, Math.ceil(row.length / featureBins));
  const counts = Array<number>(featureBins).fill(0);
  for (const [i, count] of row.entries()) counts[Math.floor(i / joined)]! += count;
  let [n, sum, sumSquares, min, max] = [0, 0, 0, 0, 0];
  for (const [bin, count] of counts.entries()) {
    if (count === 0) continue;
    if (n === 0) min = bin;
    max = bin;
    n += count;
    sum += bin * count;
    sumSquares += bin * bin * count;
  }
  if (n > maxUint16)
    throw invalid(`metric ${id}`, `${n} counts are more than ${maxUint16}: collect more often`);
  return { histogram: packHistogram(counts), n, sum, sumSquares, min, max };
}

function mapOf(item: unknown, what: string): ReadonlyMap<unknown, unknown> {
  if (!(item instanceof Map)) throw invalid(what, 'it is no map');
  return item;
}

function uint(map: ReadonlyMap<unknown, unknown>, key: string, max = 0xffff_ffff): number {
  const value = map.get(key);
  if (!isUint(value) || value > max) throw invalid(key, `it is no integer from 0 to ${max}`);
  return value;
}

const isUint = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;

const invalid = (field: string, reason: string): FleetError =>
  new FleetError('telemetry.observability-invalid', { field, reason });
