// Puts a front end together: stages over named places, then addresses. Its scratch lies in the arena beside the plan's
// inputs and shares the rest with the plan, its state behind the plan's, its tables behind the plan's constants.
import { alignUp } from '../../ir/align.js';
import { pack } from '../arena.js';
import { ConstantPool, TABLE_ALIGNMENT, TENSOR_ALIGNMENT } from '../constants.js';
import { DTYPES, type FRONT_END_STAGES } from '../generated/bundle-layout.js';
import type { FrontEndPlan, ParamValue, Plan, StageOperand } from '../types.js';

type Type = keyof typeof DTYPES;

/** Where bytes lie, before addresses are known: all or a part of one buffer. */
export interface Place {
  readonly buffer: Buffer;
  readonly dtype: Type;
  readonly offset: number;
  readonly bytes: number;
}

type Buffer =
  | { readonly space: 'arena'; readonly bytes: number }
  | { readonly space: 'state'; readonly offset: number; readonly bytes: number }
  | { readonly space: 'const'; readonly offset: number; readonly bytes: number }
  | { readonly space: 'input'; readonly index: number; readonly bytes: number };

interface PlacedStage {
  readonly stage: keyof typeof FRONT_END_STAGES;
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly final: boolean;
}

const bytesOf = (dtype: Type): number => DTYPES[dtype].bits / 8;

export class FrontEndBuilder {
  private readonly stages: PlacedStage[] = [];
  private readonly pool = new ConstantPool();
  private readonly constantsFrom: number;
  private readonly initial: { readonly offset: number; readonly data: Uint8Array }[] = [];
  private stateBytes: number;
  /** The last `frame` sensor frames, axes interleaved. */
  readonly samples: Place;

  constructor(
    private readonly plan: Plan,
    readonly timing: Omit<FrontEndPlan, 'stages' | 'samplesOffset'>,
  ) {
    this.constantsFrom = alignUp(plan.constants.length, TENSOR_ALIGNMENT);
    this.stateBytes = plan.stateBytes;
    this.samples = this.state('int16', timing.frame * timing.axes);
  }

  arena(dtype: Type, elements: number): Place {
    const bytes = elements * bytesOf(dtype);
    return { buffer: { space: 'arena', bytes }, dtype, offset: 0, bytes };
  }

  /** Starts as `initial`, else as zeros. */
  state(dtype: Type, elements: number, initial?: Uint8Array): Place {
    const bytes = elements * bytesOf(dtype);
    const offset = this.stateBytes;
    if (initial !== undefined) this.initial.push({ offset, data: initial });
    this.stateBytes = alignUp(offset + bytes, TENSOR_ALIGNMENT);
    return { buffer: { space: 'state', offset, bytes }, dtype, offset: 0, bytes };
  }

  table(dtype: Type, values: readonly number[]): Place {
    const width = bytesOf(dtype);
    const data = new Uint8Array(values.length * width);
    const view = new DataView(data.buffer);
    values.forEach((value, i) => {
      if (width === 1) view.setUint8(i, value & 0xff);
      else if (width === 2) view.setUint16(i * 2, value & 0xffff, true);
      else view.setUint32(i * 4, value >>> 0, true);
    });
    const { offset, bytes } = this.pool.add(data, 'int8', TABLE_ALIGNMENT);
    return { buffer: { space: 'const', offset, bytes }, dtype, offset: 0, bytes };
  }

  /** Input `index` of the model. */
  input(index: number): Place {
    const { dtype, bytes } = this.plan.inputs[index]!.operand;
    return { buffer: { space: 'input', index, bytes }, dtype, offset: 0, bytes };
  }

  slice(place: Place, from: number, elements: number): Place {
    const width = bytesOf(place.dtype);
    return { ...place, offset: place.offset + from * width, bytes: elements * width };
  }

  /** The same bytes with another element type: what a stage computes in place. */
  as(place: Place, dtype: Type): Place {
    return { ...place, dtype };
  }

  /** One output is returned for chaining. */
  stage(
    stage: keyof typeof FRONT_END_STAGES,
    inputs: readonly Place[],
    outputs: readonly Place[],
    params: Readonly<Record<string, ParamValue>>,
    final = false,
  ): Place {
    this.stages.push({ stage, inputs, outputs, params, final });
    return outputs[0]!;
  }

  /** The plan with this front end: more constants and state, maybe a larger arena. */
  finish(): Plan {
    const offsets = this.placeArena();
    const address = (place: Place): StageOperand => {
      const { dtype, offset, bytes, buffer } = place;
      switch (buffer.space) {
        case 'const':
          return { space: 'const', dtype, offset: this.constantsFrom + buffer.offset + offset, bytes };
        case 'state':
          return { space: 'state', dtype, offset: buffer.offset + offset, bytes };
        case 'input':
          return {
            space: 'arena',
            dtype,
            offset: this.plan.inputs[buffer.index]!.operand.offset + offset,
            bytes,
          };
        case 'arena':
          return { space: 'arena', dtype, offset: offsets.of.get(buffer)! + offset, bytes };
      }
    };
    const tables = this.pool.bytes();
    const constants = new Uint8Array(
      tables.length === 0 ? this.plan.constants.length : this.constantsFrom + tables.length,
    );
    constants.set(this.plan.constants);
    constants.set(tables, tables.length === 0 ? 0 : this.constantsFrom);
    return {
      ...this.plan,
      constants,
      stateBytes: this.stateBytes,
      stateInit: this.stateInit(),
      arenaBytes: Math.max(this.plan.arenaBytes, offsets.end),
      frontEnd: {
        ...this.timing,
        samplesOffset: address(this.samples).offset,
        stages: this.stages.map((s) => ({
          ...s,
          inputs: s.inputs.map(address),
          outputs: s.outputs.map(address),
        })),
      },
    };
  }

  private stateInit(): Uint8Array | null {
    if (this.plan.stateInit === null && this.initial.length === 0) return null;
    const all = new Uint8Array(this.stateBytes);
    if (this.plan.stateInit !== null) all.set(this.plan.stateInit);
    for (const { offset, data } of this.initial) all.set(data, offset);
    return all;
  }

  /** Scratch by lifetime over the stages; below the plan's inputs where it fits there, else behind them. */
  private placeArena(): { of: ReadonlyMap<Buffer, number>; end: number } {
    const spans = new Map<Buffer, { bytes: number; firstStep: number; lastStep: number }>();
    this.stages.forEach(({ inputs, outputs }, step) => {
      for (const { buffer } of [...inputs, ...outputs]) {
        if (buffer.space !== 'arena') continue;
        const known = spans.get(buffer);
        if (known === undefined) spans.set(buffer, { bytes: buffer.bytes, firstStep: step, lastStep: step });
        else known.lastStep = step;
      }
    });
    const packing = pack([...spans.values()]);
    const inputs = this.plan.inputs.map(({ operand }) => operand);
    const below = Math.min(...inputs.map(({ offset }) => offset));
    const behind = alignUp(Math.max(...inputs.map(({ offset, bytes }) => offset + bytes)), TENSOR_ALIGNMENT);
    const base = packing.arenaBytes <= below ? 0 : behind;
    const of = new Map([...spans.keys()].map((buffer, i) => [buffer, base + packing.offsets[i]!]));
    return { of, end: alignUp(base + packing.arenaBytes, TENSOR_ALIGNMENT) };
  }
}
