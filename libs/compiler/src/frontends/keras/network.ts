// A Keras architecture (Sequential, functional, models inside models) walked layer by layer into the IR. Faults of
// layers are collected; unsupported ones are told all at once, with the names the user gave them.
import { failure, type Diagnostic } from '../../ir/diagnostics.js';
import type { Graph, TensorId } from '../../ir/graph.js';
import { within, type ModelLimits } from '../limits.js';
import { NodeFault, nodeFault } from '../net/fault.js';
import { GraphWriter } from '../net/graph-writer.js';
import { Unsupported } from '../net/unsupported.js';
import { LayerContext } from './context.js';
import { isObject, listOf, numberOf, objectOf, textOf, type Json, type JsonObject } from './json.js';
import { HINTS, LAYERS } from './layers/table.js';
import type { LayerPath, WeightStore } from './weights.js';

export interface KerasModel {
  /** `{class_name, config}` */
  readonly architecture: Json;
  readonly weights: WeightStore;
  readonly kerasMajor: number;
}

const MODELS: ReadonlySet<string> = new Set(['Sequential', 'Functional', 'Model']);
const NO_PATH: LayerPath = { names: [], groups: [] };

/** Throws FleetError `compiler.*` with every fault. Keras leaves batches open; they become 1. */
export function importNetwork(model: KerasModel, limits: ModelLimits): Graph {
  return new Network(model, limits).run();
}

/** What a layer made, or null where something before it could not be read. */
type Result = readonly (TensorId | null)[];

interface Call {
  readonly layer: Layer;
  readonly node: number;
  readonly inputs: readonly Reference[];
}

interface Reference {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
}

interface Layer {
  readonly className: string;
  readonly name: string;
  readonly config: JsonObject;
  readonly calls: readonly (readonly Reference[])[];
  readonly path: LayerPath;
}

class Network {
  private readonly writer: GraphWriter;
  private readonly diagnostics: Diagnostic[] = [];
  private readonly unsupported = new Unsupported();
  private layers = 0;

  constructor(
    private readonly model: KerasModel,
    private readonly limits: ModelLimits,
  ) {
    const name = textOf(objectOf(objectOf(model.architecture)['config'])['name'], 'model');
    this.writer = new GraphWriter(name, limits);
  }

  run(): Graph {
    const outputs = this.attempt(() => this.network(this.model.architecture, null, NO_PATH)) ?? [];
    this.unsupported.refuse(Object.keys(LAYERS), HINTS);
    if (this.diagnostics.length > 0) throw failure(this.diagnostics);
    const ids = outputs.filter((id) => id !== null);
    if (ids.length === 0) throw failure([invalid('model', 'it has no output')]);
    return this.writer.build(ids);
  }

  private attempt<T>(action: () => T): T | null {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof NodeFault)) throw error;
      this.diagnostics.push(error.diagnostic);
      return null;
    }
  }

  /** `inputs` null: the outermost model, whose inputs are the graph's. */
  private network(architecture: Json, inputs: Result | null, path: LayerPath): Result {
    const { class_name: className, config } = objectOf(architecture);
    within('models inside models', path.names.length, this.limits.nesting);
    const kind = plainName(textOf(className));
    const sequential = kind === 'Sequential' || Array.isArray(config);
    const layers = this.readLayers(config, path);
    return sequential
      ? this.sequential(layers, config, inputs)
      : this.functional(layers, objectOf(config), inputs);
  }

  private readLayers(config: Json | undefined, path: LayerPath): Layer[] {
    const list = Array.isArray(config) ? (config as readonly Json[]) : listOf(objectOf(config)['layers']);
    this.layers += list.length;
    within('layers', this.layers, this.limits.operators);
    const counts = new Map<string, number>();
    return list.map((entry, i): Layer => {
      const { class_name: className, config: own, name, inbound_nodes: nodes } = objectOf(entry);
      const layerConfig = objectOf(own);
      const kind = plainName(textOf(className, '?'));
      const layerName = textOf(layerConfig['name'], textOf(name, `${kind}_${i}`));
      within('bytes in a name', layerName.length, this.limits.nameBytes);
      const group = snakeCase(kind);
      const number = counts.get(group) ?? 0;
      counts.set(group, number + 1);
      return {
        className: kind,
        name: layerName,
        config: layerConfig,
        calls: listOf(nodes).map((node) => references(node)),
        path: {
          names: [...path.names, layerName],
          groups: [...path.groups, number === 0 ? group : `${group}_${number}`],
        },
      };
    });
  }

  private sequential(layers: readonly Layer[], config: Json | undefined, inputs: Result | null): Result {
    let current = inputs;
    for (const layer of layers) {
      if (current === null) {
        const own = objectOf(config);
        const shape =
          inputShape(layer.config) ?? inputShape(objectOf(own['build_config'])) ?? inputShape(own);
        current = [
          this.attempt(() =>
            this.modelInput(layer.className === 'InputLayer' ? layer.name : `${layer.name}_input`, shape),
          ),
        ];
      }
      current = this.call(layer, current);
    }
    return current ?? [];
  }

  private functional(layers: readonly Layer[], config: JsonObject, inputs: Result | null): Result {
    const results = new Map<string, Result>();
    const wanted = tensors(config['input_layers']);
    const key = (layer: string, node: number): string => `${node}:${layer}`;
    const waiting: Call[] = [];
    let next = 0;
    for (const layer of layers) {
      if (layer.className === 'InputLayer') {
        const position = wanted.findIndex((reference) => reference.layer === layer.name);
        const given =
          inputs === null
            ? [this.attempt(() => this.modelInput(layer.name, inputShape(layer.config)))]
            : [inputs[position >= 0 ? position : next] ?? null];
        next++;
        results.set(key(layer.name, 0), given);
      } else {
        layer.calls.forEach((references, node) => waiting.push({ layer, node, inputs: references }));
      }
    }
    within('calls of layers', waiting.length, this.limits.operators);
    // Layers of several calls need not stand in order; every round computes at least one call.
    for (let round = waiting; round.length > 0;) {
      const later: Call[] = [];
      for (const call of round) {
        const operands = call.inputs.map(
          ({ layer, node, tensor }) => results.get(key(layer, node))?.[tensor],
        );
        if (operands.includes(undefined)) later.push(call);
        else results.set(key(call.layer.name, call.node), this.call(call.layer, operands as Result));
      }
      if (later.length === round.length) {
        const { layer } = later[0]!;
        throw nodeFault(
          'compiler.graph-invalid',
          { op: layer.name, reason: 'its inputs are never computed' },
          { op: layer.name },
        );
      }
      round = later;
    }
    return tensors(config['output_layers']).map(({ layer, node, tensor }) => {
      const result = results.get(key(layer, node))?.[tensor];
      if (result === undefined)
        throw nodeFault('compiler.graph-invalid', {
          op: layer,
          reason: 'it is an output and never computed',
        });
      return result;
    });
  }

  private call(layer: Layer, inputs: Result): Result {
    const { className, name, config, path } = layer;
    if (MODELS.has(className)) {
      return this.attempt(() => this.network({ class_name: className, config }, inputs, path)) ?? [null];
    }
    const importer = LAYERS[className];
    if (importer === undefined) {
      this.unsupported.add(className, name);
      return [null];
    }
    if (inputs.includes(null)) return [null];
    const { weights, kerasMajor } = this.model;
    this.writer.sourceIndex = Math.max(0, this.writer.sourceIndex + 1);
    const context = new LayerContext(className, name, config, this.writer, inputs as readonly TensorId[], {
      weights,
      path,
      kerasMajor,
    });
    return [this.attempt(() => importer(context))];
  }

  private modelInput(name: string, shape: readonly (number | null)[] | null): TensorId {
    const bad = (reason: string): NodeFault =>
      nodeFault(
        'compiler.shape-unsupported',
        { tensor: name, shape: shape?.map((n) => n ?? '?').join(', ') ?? '?', reason },
        { tensor: name },
      );
    if (shape === null || shape.length < 2) throw bad('the model does not say the shape of its input');
    const [batch, ...rest] = shape;
    if (rest.some((extent) => extent === null || !(Number.isInteger(extent) && extent >= 1)))
      throw bad('only the batch may be open');
    return this.writer.input(name, [batch ?? 1, ...(rest as number[])]);
  }
}

function invalid(op: string, reason: string): Diagnostic {
  return { code: 'compiler.graph-invalid', severity: 'error', data: { op, reason }, op };
}

/** Without a package (`Custom>Layer`) or the version of TensorFlow 1 (`BatchNormalizationV1`). */
function plainName(className: string): string {
  return className.replace(/^.*>/, '').replace(/V[12]$/, '');
}

/** As Keras 3 names groups after classes. */
function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function inputShape(config: JsonObject, depth = 0): (number | null)[] | null {
  const given =
    config['batch_input_shape'] ??
    config['batch_shape'] ??
    config['input_shape'] ??
    config['build_input_shape'];
  if (!Array.isArray(given)) {
    // A model's first layer knows.
    const [first] = listOf(config['layers']);
    return first === undefined || depth > 8
      ? null
      : inputShape(objectOf(objectOf(first)['config']), depth + 1);
  }
  return (given as readonly Json[]).map((extent) => (extent === null ? null : numberOf(extent, NaN)));
}

/** Layer tensors that a call reads: Keras 2 lists [layer, node, tensor, arguments], Keras 3 serializes the arguments. */
function references(node: Json): Reference[] {
  if (Array.isArray(node)) {
    const list = node as readonly Json[];
    // One input without a list around it.
    if (typeof list[0] === 'string') return [reference(list)];
    return list.map((entry) => reference(listOf(entry)));
  }
  return [...histories(objectOf(node)['args'], 0)];
}

function reference(entry: readonly Json[]): Reference {
  return { layer: textOf(entry[0], '?'), node: numberOf(entry[1], 0), tensor: numberOf(entry[2], 0) };
}

function* histories(value: Json | undefined, depth: number): Generator<Reference> {
  if (depth > 4) return;
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) yield* histories(item, depth + 1);
  } else if (isObject(value) && value['class_name'] === '__keras_tensor__') {
    yield reference(listOf(objectOf(value['config'])['keras_history']));
  }
}

/** input_layers and output_layers: one reference or a list of them; Keras 3 may file them in dictionaries. */
function tensors(value: Json | undefined): Reference[] {
  if (isObject(value)) return Object.values(value).flatMap((item) => tensors(item));
  const list = listOf(value);
  if (typeof list[0] === 'string') return [reference(list)];
  return list.flatMap((item) => tensors(item));
}
