// The model as its author trained it: float outputs for given inputs, what int8 builds are compared with.
import { evaluateFloat, type Samples } from '../evaluate/evaluate.js';
import { fault } from '../ir/diagnostics.js';
import { elements, isFloat, tensorOf } from '../ir/graph.js';
import { openSource, type Source } from './frontends.js';

export interface FloatOutput {
  readonly name: string;
  /** Of one sample. */
  readonly shape: readonly number[];
  /** All samples, one after the other. */
  readonly values: Float32Array;
}

/**
 * Inputs: one array per input of the model, `count` samples each, images channels last. Throws FleetError `compiler.*`;
 * compiler.calibration-invalid for inputs of another size and for a model that is not float.
 */
export async function runFloat(source: Source, samples: Samples): Promise<FloatOutput[]> {
  const { graph } = openSource(source);
  const invalid = (reason: string) => fault('compiler.calibration-invalid', { reason });
  if (!isFloat(graph)) throw invalid('the model is quantized already');
  graph.inputs.forEach((id, i) => {
    const { name } = tensorOf(graph, id);
    const [given, needed] = [samples.inputs[i]?.length, samples.count * elements(tensorOf(graph, id))];
    if (given !== needed)
      throw invalid(`${name} has ${given ?? 0} values, ${samples.count} samples need ${needed}`);
  });
  const outputs = graph.outputs.map((id): FloatOutput => {
    const tensor = tensorOf(graph, id);
    const values = new Float32Array(samples.count * elements(tensor));
    return { name: tensor.name, shape: tensor.shape, values };
  });
  await evaluateFloat(graph, samples, {
    visit: (id, values, first) => {
      const at = graph.outputs.indexOf(id);
      if (at >= 0) outputs[at]!.values.set(values, first * elements(tensorOf(graph, id)));
    },
  });
  return outputs;
}
