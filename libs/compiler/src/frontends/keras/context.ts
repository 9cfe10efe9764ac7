// What a layer importer sees: its configuration, its inputs, the writer, its weights. A fault ends the layer (NodeFault).
import type { TensorId } from '../../ir/graph.js';
import type { Padding } from '../../ir/ops.js';
import { resolvePadding } from '../../ir/shapes.js';
import { nodeFault, type NodeFault } from '../net/fault.js';
import { NO_PADDING, type GraphWriter, type Pair } from '../net/graph-writer.js';
import type { NdArray } from '../net/nd-array.js';
import { listOf, numberOf, textOf, type Json, type JsonObject } from './json.js';
import { fits, type LayerPath, type WeightStore } from './weights.js';

export class LayerContext {
  constructor(
    readonly className: string,
    readonly name: string,
    readonly config: JsonObject,
    readonly writer: GraphWriter,
    readonly inputs: readonly TensorId[],
    private readonly model: {
      readonly weights: WeightStore;
      readonly path: LayerPath;
      /** 2 or 3: some activations changed their meaning. */
      readonly kerasMajor: number;
    },
  ) {}

  get kerasMajor(): number {
    return this.model.kerasMajor;
  }

  get input(): TensorId {
    const [input] = this.inputs;
    if (input === undefined) throw this.invalid('it has no input');
    return input;
  }

  get shape(): readonly number[] {
    return this.writer.shape(this.input);
  }

  rank(expected: number): void {
    if (this.shape.length !== expected)
      throw this.invalid(`it needs ${expected} dimensions, its input is ${this.writer.say(this.input)}`);
  }

  text(key: string, fallback = ''): string {
    return textOf(this.config[key], fallback);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.config[key];
    return typeof value === 'boolean' ? value : fallback;
  }

  number(key: string, fallback: number): number {
    return numberOf(this.config[key], fallback);
  }

  /** A whole number from `least` on. */
  count(key: string, fallback?: number, least = 1): number {
    const value = numberOf(this.config[key], fallback ?? NaN);
    return this.checked(value, key, least);
  }

  /** One number for both dimensions, or two; a layer of one dimension has height 1. */
  pair(
    key: string,
    fallback: number | null,
    o: { readonly oneDimensional?: boolean; readonly least?: number } = {},
  ): Pair {
    const given = this.config[key] ?? fallback;
    const list = Array.isArray(given) ? (given as readonly Json[]) : [given];
    const numbers = list.map((value) => this.checked(numberOf(value, NaN), key, o.least ?? 1));
    const [first, second] = numbers;
    if (o.oneDimensional) {
      if (numbers.length !== 1) throw this.invalid(`${key} has ${numbers.length} values`);
      return [o.least === 0 ? 0 : 1, first!];
    }
    if (numbers.length > 2) throw this.invalid(`${key} has ${numbers.length} values`);
    return [first!, second ?? first!];
  }

  private checked(value: number, key: string, least: number): number {
    if (Number.isInteger(value) && value >= least && value <= 65_535) return value;
    throw this.invalid(`${key} is ${String(this.config[key])}`);
  }

  /** Numbers of a list; null entries are NaN. */
  numbers(key: string): number[] {
    return listOf(this.config[key]).map((value) => numberOf(value, NaN));
  }

  channelsLast(): void {
    if (this.text('data_format', 'channels_last') === 'channels_first')
      throw this.option('data_format channels_first', 'build the model with channels last');
  }

  /** Padding of a window by Keras's word for it. */
  padding(
    key: string,
    input: Pair,
    w: { readonly filter: Pair; readonly stride: Pair; readonly dilation?: Pair },
  ): Padding {
    const scheme = this.text(key, 'valid').toLowerCase();
    const dilation = w.dilation ?? [1, 1];
    if (scheme === 'causal') return { ...NO_PADDING, left: (w.filter[1] - 1) * dilation[1] };
    if (scheme !== 'same' && scheme !== 'valid') throw this.option(`padding ${scheme}`);
    const window = {
      filterH: w.filter[0],
      filterW: w.filter[1],
      strideH: w.stride[0],
      strideW: w.stride[1],
      dilationH: dilation[0],
      dilationW: dilation[1],
    };
    return resolvePadding({ h: input[0], w: input[1] }, window, scheme).padding;
  }

  weight(variable: string, index: number, shape: readonly number[]): NdArray {
    const array = this.optionalWeight(variable, index);
    if (array === null) throw this.weightFault(variable, 'the file does not have it');
    if (!fits(array, shape))
      throw this.weightFault(
        variable,
        `it is [${array.shape.join(', ')}], the layer needs [${shape.join(', ')}]`,
      );
    return array;
  }

  optionalWeight(variable: string, index: number): NdArray | null {
    return this.model.weights.find(this.model.path, variable, index);
  }

  weightFault(weight: string, reason: string): NodeFault {
    return nodeFault('compiler.weights-invalid', { layer: this.name, weight, reason }, { op: this.name });
  }

  invalid(reason: string): NodeFault {
    const op = `${this.className} ${this.name}`;
    return nodeFault('compiler.graph-invalid', { op, reason }, { op: this.name });
  }

  option(option: string, hint?: string): NodeFault {
    const op = `${this.className} ${this.name}`;
    const more = { op: this.name, ...(hint === undefined ? {} : { hint }) };
    return nodeFault('compiler.option-unsupported', { op, option }, more);
  }
}

/** The layer's result. */
export type ImportLayer = (context: LayerContext) => TensorId;
