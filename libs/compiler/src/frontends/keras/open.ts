// Keras models as IR graphs: HDF5 of `model.save('x.h5')` with its architecture in an attribute, and .keras archives
// (config.json, metadata.json, model.weights.h5). Float graphs, channels last.
import { fault } from '../../ir/diagnostics.js';
import type { Graph } from '../../ir/graph.js';
import { archivePaths, isZip, unzip } from '../archive.js';
import type { ModelLimits } from '../limits.js';
import { Hdf5File, isHdf5 } from './hdf5.js';
import { objectOf, parseJson, textOf, type Json } from './json.js';
import { importNetwork } from './network.js';
import { GroupedWeights, legacyWeights } from './weights.js';

const CONFIG = 'config.json';
const METADATA = 'metadata.json';
const WEIGHTS = 'model.weights.h5';

/** HDF5, or an archive of an architecture and its weights. */
export function match(file: Uint8Array, limits: ModelLimits): boolean {
  if (isHdf5(file)) return true;
  const paths = archivePaths(file, limits);
  return paths.includes(CONFIG) && paths.includes(WEIGHTS);
}

/** Throws FleetError `compiler.*`; its `data.diagnostics` lists every fault. */
export function open(file: Uint8Array, limits: ModelLimits): Graph {
  return isZip(file) ? openArchive(file, limits) : openHdf5(file, limits);
}

function openHdf5(file: Uint8Array, limits: ModelLimits): Graph {
  const hdf5 = new Hdf5File(file, limits);
  const config = hdf5.text('/', 'model_config');
  if (typeof config !== 'string') {
    const reason =
      'it holds weights without an architecture (save_weights); save the whole model (model.save)';
    throw fault('compiler.not-a-model', { file: 'the HDF5 file', reason });
  }
  const version = hdf5.text('/', 'keras_version') ?? hdf5.text('/model_weights', 'keras_version');
  const model = {
    architecture: parseJson(config, limits),
    weights: legacyWeights(hdf5),
    kerasMajor: majorOf(version),
  };
  return importNetwork(model, limits);
}

function openArchive(file: Uint8Array, limits: ModelLimits): Graph {
  const files = unzip(file, (path) => [CONFIG, METADATA, WEIGHTS].includes(path), limits);
  const [config, weights] = [files.get(CONFIG), files.get(WEIGHTS)];
  if (config === undefined || weights === undefined) {
    const missing = config === undefined ? CONFIG : WEIGHTS;
    throw fault('compiler.files-missing', { file: 'the .keras archive', missing });
  }
  const metadata = files.get(METADATA);
  const decode = (bytes: Uint8Array): Json => parseJson(new TextDecoder().decode(bytes), limits);
  const version = metadata === undefined ? '3' : textOf(objectOf(decode(metadata))['keras_version'], '3');
  const store = new GroupedWeights(new Hdf5File(weights, { ...limits, fileBytes: limits.expandedBytes }));
  return importNetwork(
    { architecture: decode(config), weights: store, kerasMajor: majorOf(version) },
    limits,
  );
}

export function majorOf(version: string | string[] | null): number {
  const major = Number.parseInt(typeof version === 'string' ? version : '2', 10);
  return Number.isNaN(major) ? 2 : major;
}
