// How inputs and outputs are called in the emitted C, and what is said about them.
import type { DType } from '../../ir/graph.js';
import type { Operand } from '../../plan/types.js';
import type { ContractTensor } from '../bundle/contents.js';
import { comment, floatLiteral } from './text.js';

const C_TYPES: Readonly<Record<DType, string>> = {
  float32: 'float',
  int8: 'int8_t',
  uint8: 'uint8_t',
  int16: 'int16_t',
  int32: 'int32_t',
  int64: 'int64_t',
  bool: 'uint8_t',
};

export interface CTensor {
  /** `input`, or `input_0` where there are several. */
  readonly name: string;
  readonly macro: string;
  readonly type: string;
  readonly bytes: number;
  readonly operand: Operand;
  readonly classes: number;
  /** One line: the model's name of it, type, shape. */
  readonly about: string;
  readonly defines: readonly string[];
}

export function cTensors(
  stem: string,
  kind: 'input' | 'output',
  tensors: readonly ContractTensor[],
): readonly CTensor[] {
  return tensors.map(({ tensor, planned: { operand }, classes, role }, i) => {
    const name = tensors.length === 1 ? kind : `${kind}_${i}`;
    const macro = `${stem}_${name}`.toUpperCase();
    const quantization = tensor.quantization;
    const meaning = role === 'generic' ? '' : `, ${role.replaceAll('_', ' ')}`;
    return {
      name,
      macro,
      type: C_TYPES[tensor.dtype],
      bytes: operand.bytes,
      operand,
      classes,
      about: `${comment(tensor.name)}: ${tensor.dtype} [${tensor.shape.join(', ')}]${meaning}`,
      defines: [
        `#define ${macro}_BYTES ${operand.bytes}u`,
        `#define ${macro}_ELEMENTS ${tensor.shape.reduce((a, b) => a * b, 1)}u`,
        ...(quantization?.axis === null
          ? [
              `#define ${macro}_SCALE ${floatLiteral(quantization.scales[0]!)}`,
              `#define ${macro}_ZERO_POINT (${quantization.zeroPoints[0]!})`,
            ]
          : []),
      ],
    };
  });
}
