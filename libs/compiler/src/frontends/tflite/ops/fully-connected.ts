// FULLY_CONNECTED: the input is flattened to rows of the filter's width, whatever its rank.
import { elements } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { ids, type OpContext } from '../context.js';
import { layerInputs, layerOperands } from './layer.js';

export function importFullyConnected(context: OpContext): Op | null {
  const found = layerOperands(context, { input: 0, filter: 1, bias: 2, channelAxis: 0 });
  if (found === null) return null;
  const { input, filter, bias, output, legacy } = found;
  if (!context.rank(filter, 2)) return null;
  const options = context.options(OPTIONS_TYPE.fullyConnected, { activation: 0, weightsFormat: 0 });
  if (options.weightsFormat !== 0) return context.option('shuffled weights');
  const activation = context.activation(options.activation);
  if (activation === null) return null;
  const [units, width] = filter.shape as [number, number];
  if (elements(input) % width !== 0) {
    return context.invalid(`${elements(input)} input elements do not divide by the filter width ${width}`);
  }
  if (elements(output) !== (elements(input) / width) * units) {
    return context.invalid(
      `output has ${elements(output)} elements, ${(elements(input) / width) * units} are computed`,
    );
  }
  if (!context.bias(bias, units)) return null;
  const { name, sourceIndex } = context;
  const inputs = layerInputs(found);
  const attrs = { activation, ...(legacy ? { legacy } : {}) };
  return { kind: 'fully_connected', name, sourceIndex, inputs, outputs: ids(output), attrs };
}
