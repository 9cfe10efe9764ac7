// TensorFlow.js LayersModels as IR graphs: model.json (Keras's architecture, a manifest of weights) and shards of
// weights, given beside it or in one ZIP archive. GraphModels are refused with every operator they would need.
import { fault } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import { archivePaths, isZip, unzip } from '../archive.js';
import { isObject, listOf, numberOf, objectOf, parseJson, textOf, type JsonObject } from '../keras/json.js';
import { LAYERS } from '../keras/layers/table.js';
import { importNetwork } from '../keras/network.js';
import { majorOf } from '../keras/open.js';
import { NamedWeights } from '../keras/weights.js';
import { within, type ModelLimits } from '../limits.js';
import { float16 } from '../net/float16.js';
import { numbers, product, type NdArray } from '../net/nd-array.js';
import { Unsupported } from '../net/unsupported.js';

const MODEL = 'model.json';

/** JSON that begins as an object, or an archive that holds model.json. */
export function match(file: Uint8Array, limits: ModelLimits): boolean {
  if (isZip(file)) return archivePaths(file, limits).some(isModelPath);
  const start = new TextDecoder().decode(file.subarray(0, 4096)).trimStart();
  return start.startsWith('{') && /"(modelTopology|weightsManifest|format|generatedBy)"/.test(start);
}

function isModelPath(path: string): boolean {
  return path === MODEL || path.endsWith(`/${MODEL}`);
}

/** `files`: what lies beside model.json, by the paths its manifest uses. */
export function open(file: Uint8Array, beside: ReadonlyMap<string, Uint8Array>, limits: ModelLimits): Graph {
  const { json, files } = isZip(file) ? fromArchive(file, limits) : { json: file, files: beside };
  within('bytes', json.length, limits.fileBytes);
  const model = objectOf(parseJson(new TextDecoder().decode(json), limits));
  const topology = objectOf(model['modelTopology']);
  if (model['format'] === 'graph-model' || Array.isArray(topology['node'])) throw graphModel(topology);
  if (!isObject(model['modelTopology'])) {
    const reason = 'model.json has no modelTopology';
    throw fault('compiler.not-a-model', { file: MODEL, reason });
  }
  const weights = new NamedWeights();
  for (const [name, read] of readWeights(listOf(model['weightsManifest']).map(objectOf), files, limits))
    weights.add(name, read);
  const architecture = topology['model_config'] ?? topology;
  const kerasMajor = majorOf(textOf(topology['keras_version'], '2'));
  return importNetwork({ architecture, weights, kerasMajor }, limits);
}

function fromArchive(
  file: Uint8Array,
  limits: ModelLimits,
): { json: Uint8Array; files: Map<string, Uint8Array> } {
  const all = unzip(file, (path) => path.endsWith('.json') || path.endsWith('.bin'), limits);
  const path = [...all.keys()].find(isModelPath);
  if (path === undefined) throw fault('compiler.files-missing', { file: 'the archive', missing: MODEL });
  const folder = path.slice(0, -MODEL.length);
  const files = [...all].filter(([name]) => name.startsWith(folder));
  return {
    json: all.get(path)!,
    files: new Map(files.map(([name, bytes]) => [name.slice(folder.length), bytes])),
  };
}

type Entry = readonly [name: string, read: () => NdArray];

function* readWeights(
  groups: readonly JsonObject[],
  files: ReadonlyMap<string, Uint8Array>,
  limits: ModelLimits,
): Generator<Entry> {
  const paths = groups.map((group) => listOf(group['paths']).map((path) => textOf(path)));
  within('shards of weights', paths.flat().length, limits.archiveEntries);
  const missing = paths.flat().filter((path) => !files.has(path));
  if (missing.length > 0)
    throw fault('compiler.files-missing', { file: MODEL, missing: missing.slice(0, 20).join(', ') });
  for (const [i, group] of groups.entries()) {
    const shards = paths[i]!.map((path) => files.get(path)!);
    const total = shards.reduce((n, shard) => n + shard.length, 0);
    within('bytes of weights', total, limits.expandedBytes);
    const bytes = new Uint8Array(total);
    let at = 0;
    for (const shard of shards) {
      bytes.set(shard, at);
      at += shard.length;
    }
    yield* readGroup(listOf(group['weights']).map(objectOf), bytes, limits);
  }
}

function* readGroup(specs: readonly JsonObject[], bytes: Uint8Array, limits: ModelLimits): Generator<Entry> {
  within('tensors', specs.length, limits.tensors);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const spec of specs) {
    const name = textOf(spec['name'], '?');
    const shape = listOf(spec['shape']).map((extent) => numberOf(extent, NaN));
    within(`dimensions in ${name}`, shape.length, limits.rank);
    const bad = (reason: string): Error =>
      fault('compiler.weights-invalid', { layer: 'the manifest', weight: name, reason });
    if (!shape.every((extent) => Number.isInteger(extent) && extent >= 0))
      throw bad(`its shape is [${shape.join(', ')}]`);
    const count = product(shape);
    within(`bytes in ${name}`, count * 4, limits.tensorBytes);
    const quantization = isObject(spec['quantization']) ? spec['quantization'] : null;
    const dtype = textOf(quantization?.['dtype'] ?? spec['dtype'], 'float32');
    const read = ELEMENTS[dtype];
    if (read === undefined) throw bad(`its elements are ${dtype}`);
    const from = at;
    at += count * read.bytes;
    if (at > bytes.length) throw bad('the shards end before it does');
    const [scale, min] = [numberOf(quantization?.['scale'], 1), numberOf(quantization?.['min'], 0)];
    // float16 is stored as such; integers stand for scale * q + min.
    const affine = quantization !== null && dtype !== 'float16';
    yield [
      name,
      () => {
        const values = numbers('float32', count);
        for (let i = 0; i < count; i++) {
          const value = read.at(view, from + i * read.bytes);
          values[i] = affine ? value * scale + min : value;
        }
        return { dtype: 'float32', shape, values, quantization: null };
      },
    ];
  }
}

const ELEMENTS: Readonly<Record<string, { bytes: number; at: (view: DataView, at: number) => number }>> = {
  float32: { bytes: 4, at: (view, at) => view.getFloat32(at, true) },
  float16: { bytes: 2, at: (view, at) => float16(view.getUint16(at, true)) },
  int32: { bytes: 4, at: (view, at) => view.getInt32(at, true) },
  uint16: { bytes: 2, at: (view, at) => view.getUint16(at, true) },
  uint8: { bytes: 1, at: (view, at) => view.getUint8(at) },
  bool: { bytes: 1, at: (view, at) => view.getUint8(at) },
};

/** A TensorFlow graph: every operator is named, with its nodes. */
function graphModel(topology: JsonObject): Error {
  const unsupported = new Unsupported();
  for (const node of listOf(topology['node']).map(objectOf)) {
    const op = textOf(node['op'], '?');
    if (op !== 'Placeholder' && op !== 'Const' && op !== 'Identity' && op !== 'NoOp')
      unsupported.add(op, textOf(node['name'], '?'));
  }
  const hint =
    'it is a tfjs GraphModel (a TensorFlow graph): convert the original SavedModel to .tflite, or save it as a LayersModel';
  try {
    unsupported.refuse(Object.keys(LAYERS), hint);
  } catch (error) {
    return error as Error;
  }
  return fault('compiler.graph-invalid', { op: 'model', reason: 'it is a GraphModel without operators' });
}
