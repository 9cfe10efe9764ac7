// Activation functions, as layers and as the `activation` of other layers.
import type { TensorId } from '../../../ir/graph.js';
import { binary, leakyRelu, prelu, relu, softmax, transpose, unary } from '../../net/emit.js';
import type { LayerContext } from '../context.js';
import { isObject, listOf, numberOf, objectOf, single, textOf, type Json } from '../json.js';

/** `value` is a name, or a serialized object with one. */
export function activated(c: LayerContext, x: TensorId, value: Json | undefined, name: string): TensorId {
  const activation = functionName(value);
  const { writer } = c;
  const config = objectOf(objectOf(value)['config']);
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return isObject(value) && objectOf(value)['class_name'] === 'ReLU'
        ? clipped(c, x, config, name)
        : relu(writer, x, 'relu', { name });
    case 'relu6':
      return relu(writer, x, 'relu6', { name });
    case 'sigmoid':
      return unary(writer, 'logistic', x, { name });
    case 'tanh':
      return unary(writer, 'tanh', x, { name });
    case 'elu':
      return unary(writer, 'elu', x, { name });
    case 'softmax':
      return softmax(writer, x, { name });
    case 'hard_swish':
    case 'hard_silu':
      return unary(writer, 'hard_swish', x, { name });
    case 'swish':
    case 'silu':
      return binary(writer, 'mul', x, unary(writer, 'logistic', x, { name: `${name}/sigmoid` }), { name });
    case 'leaky_relu':
      return leakyRelu(writer, x, numberOf(config['negative_slope'] ?? config['alpha'], 0.2), { name });
    case 'hard_sigmoid':
      return hardSigmoid(c, x, name);
    default:
      throw c.option(
        `activation ${activation}`,
        'use relu, relu6, sigmoid, tanh, elu, hard_swish or softmax',
      );
  }
}

function functionName(value: Json | undefined): string {
  if (value === null || value === undefined) return 'linear';
  if (typeof value === 'string') return value.toLowerCase();
  const { class_name: className, config } = objectOf(value);
  if (typeof config === 'string') return config.toLowerCase();
  const name = textOf(className, '?')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
  return name === 're_lu' ? 'relu' : name === 'leaky_re_lu' ? 'leaky_relu' : name;
}

/** Keras 2: 0.2 x + 0.5, Keras 3: x / 6 + 0.5; between 0 and 1. */
function hardSigmoid(c: LayerContext, x: TensorId, name: string): TensorId {
  const { writer } = c;
  const slope = c.kerasMajor >= 3 ? 1 / 6 : 0.2;
  const one = (what: string, value: number): TensorId => writer.floats(`${name}/${what}`, [1], [value]);
  const scaled = binary(writer, 'mul', x, one('slope', slope), { name: `${name}/mul` });
  const shifted = binary(writer, 'add', scaled, one('half', 0.5), { name: `${name}/add` });
  const below = binary(writer, 'minimum', shifted, one('one', 1), { name: `${name}/min` });
  return relu(writer, below, 'relu', { name });
}

/** ReLU with its three parameters. */
function clipped(
  c: LayerContext,
  x: TensorId,
  config: Readonly<Record<string, Json | undefined>>,
  name: string,
): TensorId {
  const { writer } = c;
  const max = config['max_value'] ?? null;
  const slope = numberOf(config['negative_slope'], 0);
  if (numberOf(config['threshold'], 0) !== 0) throw c.option('threshold');
  if (slope !== 0 && max !== null) throw c.option('negative_slope together with max_value');
  if (slope !== 0) return leakyRelu(writer, x, slope, { name });
  if (max === null) return relu(writer, x, 'relu', { name });
  if (max === 6) return relu(writer, x, 'relu6', { name });
  const limit = writer.floats(`${name}/max`, [1], [numberOf(max, 0)]);
  return binary(writer, 'minimum', relu(writer, x, 'relu', { name: `${name}/relu` }), limit, { name });
}

export function importActivation(c: LayerContext): TensorId {
  return activated(c, c.input, c.config['activation'], c.name);
}

export function importReluLayer(c: LayerContext): TensorId {
  return clipped(c, c.input, c.config, c.name);
}

export function importLeakyRelu(c: LayerContext): TensorId {
  const alpha = c.number('alpha', c.number('negative_slope', 0.3));
  return leakyRelu(c.writer, c.input, alpha, { name: c.name });
}

/** Its slopes lack the batch; dimensions in shared_axes have extent 1. */
export function importPRelu(c: LayerContext): TensorId {
  const shared = listOf(c.config['shared_axes']).map((axis) => numberOf(axis, NaN));
  const shape = c.shape.slice(1).map((extent, i) => (shared.includes(i + 1) ? 1 : extent));
  const alpha = c.writer.constant(`${c.name}/alpha`, c.weight('alpha', 0, shape));
  return prelu(c.writer, c.input, alpha, { name: c.name });
}

export function importElu(c: LayerContext): TensorId {
  if (c.number('alpha', 1) !== 1) throw c.option(`alpha ${c.number('alpha', 1)}`, 'use alpha 1');
  return unary(c.writer, 'elu', c.input, { name: c.name });
}

export function importSoftmax(c: LayerContext): TensorId {
  const rank = c.shape.length;
  const given = c.config['axis'];
  const axis = numberOf(single(given), -1);
  const at = axis < 0 ? axis + rank : axis;
  const { writer, name } = c;
  if (at === rank - 1) return softmax(writer, c.input, { name });
  if (!(at > 0 && at < rank)) throw c.option(`axis ${axis}`);
  const perm = c.shape.map((_, k) => (k === at ? rank - 1 : k === rank - 1 ? at : k));
  const y = softmax(writer, transpose(writer, c.input, perm, `${name}/last`), { name });
  return transpose(writer, y, perm, `${name}/back`);
}
