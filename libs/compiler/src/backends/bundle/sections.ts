// The bytes of each section. Order and offsets within a section follow from the contents alone.
import {
  DTYPES,
  FRONT_END_STAGES,
  GOLDEN_KINDS,
  LAYOUTS,
  MONITOR_KINDS,
  OPS,
  RECORDS,
  REDUCTIONS,
  ROLES,
  SPACES,
  STAGE_FLAGS,
} from '../../plan/generated/bundle-layout.js';
import { scaleOf, zeroPointOf } from '../../ir/multipliers.js';
import type { FrontEndPlan, Stage, StageOperand, Step } from '../../plan/types.js';
import {
  TENSOR_SENSOR,
  type BundleContents,
  type ContractTensor,
  type GoldenVector,
  type Monitor,
} from './contents.js';
import { concat, record } from './record.js';

const NONE_16 = 0xffff;
/** Unused edges, so that no value lies above them. */
const LAST_EDGE = 32_767;

export function planSection(steps: readonly Step[]): Uint8Array {
  return concat(steps.map(step));
}

function step(s: Step): Uint8Array {
  const op = OPS[s.op];
  const operands = [...s.inputs, ...s.outputs, ...s.scratch].map(operand);
  const params = record(op.params, s.params);
  const head = record(RECORDS.step, {
    op: op.number,
    version: op.version,
    flags: 0,
    bytes: RECORDS.step.bytes + operands.length * RECORDS.operand.bytes + params.length,
    inputs: s.inputs.length,
    outputs: s.outputs.length,
    scratch: s.scratch.length,
    node: s.node ?? NONE_16,
  });
  return concat([head, ...operands, params]);
}

export function frontEndSection(f: FrontEndPlan): Uint8Array {
  const head = record(RECORDS.front_end, {
    frame: f.frame,
    hop: f.hop,
    passes: f.passes,
    first_passes: f.firstPasses,
    stages: f.stages.length,
    axes: f.axes,
    input: f.input,
    samples_offset: f.samplesOffset,
  });
  return concat([head, ...f.stages.map(stage)]);
}

function stage(s: Stage): Uint8Array {
  const layout = FRONT_END_STAGES[s.stage];
  const operands = [...s.inputs, ...s.outputs].map(operand);
  const params = record(layout.params, s.params);
  const head = record(RECORDS.front_end_stage, {
    stage: layout.number,
    version: layout.version,
    flags: s.final ? STAGE_FLAGS.final : 0,
    bytes: RECORDS.front_end_stage.bytes + operands.length * RECORDS.operand.bytes + params.length,
    inputs: s.inputs.length,
    outputs: s.outputs.length,
    scratch: 0,
  });
  return concat([head, ...operands, params]);
}

function operand(o: StageOperand): Uint8Array {
  const absent = o.space === 'none';
  return record(RECORDS.operand, {
    space: SPACES[o.space],
    dtype: absent ? 0 : DTYPES[o.dtype].number,
    layout: LAYOUTS.plain,
    offset: o.offset,
    bytes: o.bytes,
  });
}

/** Names in order of first use; entry i is what a `name` field's i means. Not `kept`: every field says that there is none. */
export class Names {
  private readonly list: string[] = [];

  constructor(private readonly kept = true) {}

  index(name: string): number {
    if (!this.kept) return NONE_16;
    const known = this.list.indexOf(name);
    return known >= 0 ? known : this.list.push(name) - 1;
  }

  get count(): number {
    return this.list.length;
  }

  section(): Uint8Array {
    return strings(this.list);
  }
}

/** A length byte, then UTF-8, cut at a character boundary at 255 bytes. */
export function strings(list: readonly string[]): Uint8Array {
  return concat(
    list.map((text) => {
      let bytes = new TextEncoder().encode(text);
      for (let end = 255; bytes.length > 255; end--) {
        if ((bytes[end]! & 0xc0) !== 0x80) bytes = bytes.subarray(0, end);
      }
      return concat([Uint8Array.of(bytes.length), bytes]);
    }),
  );
}

export function contractSection(contents: BundleContents, names: Names): Uint8Array {
  const { inputs, outputs, labels } = contents;
  return concat([
    ...inputs.map((t) => contractTensor(t, 0, labels, names)),
    ...outputs.map((t) => contractTensor(t, 1, labels, names)),
  ]);
}

function contractTensor(
  t: ContractTensor,
  direction: 0 | 1,
  labels: readonly string[],
  names: Names,
): Uint8Array {
  const sensor = t.sensor ?? TENSOR_SENSOR;
  const { shape, dtype, name } = t.tensor;
  // Plain numbers (class indices, say) are themselves: scale 1, zero point 0.
  const quantized = t.tensor.quantization !== null;
  const scaleBits = new Uint32Array(Float32Array.of(quantized ? scaleOf(t.tensor) : 1).buffer)[0]!;
  return record(RECORDS.tensor, {
    direction,
    dtype: DTYPES[dtype].number,
    rank: shape.length,
    role: ROLES[t.role],
    dims: [...shape, ...new Array<number>(6 - shape.length).fill(1)],
    space: SPACES[t.planned.operand.space],
    layout: LAYOUTS.plain,
    name: names.index(name),
    offset: t.planned.operand.offset,
    bytes: t.planned.operand.bytes,
    scale: scaleBits,
    zero_point: quantized ? zeroPointOf(t.tensor) : 0,
    sensor: sensor.sensor,
    axes: sensor.axes,
    unit: sensor.unit,
    axis_order: sensor.axisOrder,
    full_scale: sensor.fullScale,
    sample_rate_mhz: sensor.sampleRateMilliHz,
    frame: sensor.frame,
    hop: sensor.hop,
    classes: t.classes,
    labels: t.classes > 0 && labels.length > 0 ? 0 : NONE_16,
  });
}

export function monitorsSection(monitors: readonly Monitor[], names: Names): Uint8Array {
  return concat(
    monitors.map((m) =>
      record(RECORDS.monitor, {
        kind: MONITOR_KINDS[m.kind],
        bins: m.bins,
        reduction: REDUCTIONS[m.reduction],
        dtype: DTYPES[m.planned.operand.dtype].number,
        after_step: m.planned.afterStep < 0 ? NONE_16 : m.planned.afterStep,
        name: names.index(m.name),
        space: SPACES[m.planned.operand.space],
        centre: m.centre,
        offset: m.planned.operand.offset + m.first,
        stride: m.stride,
        count: m.count,
        edges: [...m.edges, ...new Array<number>(16 - m.edges.length).fill(LAST_EDGE)],
      }),
    ),
  );
}

export function goldenSections(golden: readonly GoldenVector[]): {
  golden: Uint8Array;
  stepCrcs: Uint8Array;
  samples: Uint8Array;
} {
  let stepsOffset = 0;
  let sampleOffset = 0;
  const records: Uint8Array[] = [];
  const crcs: Uint8Array[] = [];
  const samples: Uint8Array[] = [];
  for (const vector of golden) {
    const sampleBytes = vector.sample?.length ?? 0;
    records.push(
      record(RECORDS.golden, {
        kind: GOLDEN_KINDS[vector.kind],
        frames: vector.frames,
        flags: 0,
        seed: vector.seed,
        sample_offset: vector.sample === null ? 0 : sampleOffset,
        sample_bytes: sampleBytes,
        outputs_crc: vector.outputsCrc,
        steps_offset: stepsOffset,
      }),
    );
    crcs.push(littleEndian32(vector.stepCrcs));
    stepsOffset += vector.stepCrcs.length * 4;
    if (vector.sample !== null) samples.push(vector.sample);
    sampleOffset += sampleBytes;
  }
  return { golden: concat(records), stepCrcs: concat(crcs), samples: concat(samples) };
}

function littleEndian32(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setUint32(i * 4, value, true));
  return bytes;
}

/** Section info: a deterministic CBOR map {1 model, 2 version, 3 compiler, 4 source SHA-256}. */
export function infoSection(info: BundleContents['info']): Uint8Array {
  const head = (major: number, n: number): Uint8Array =>
    n < 24
      ? Uint8Array.of((major << 5) | n)
      : n < 256
        ? Uint8Array.of((major << 5) | 24, n)
        : Uint8Array.of((major << 5) | 25, n >> 8, n & 0xff);
  const text = (value: string): Uint8Array => {
    const bytes = new TextEncoder().encode(value.slice(0, 1000));
    return concat([head(3, bytes.length), bytes]);
  };
  return concat([
    head(5, 4),
    head(0, 1),
    text(info.model),
    head(0, 2),
    text(info.version),
    head(0, 3),
    text(info.compiler),
    head(0, 4),
    head(2, info.sourceSha256.length),
    info.sourceSha256,
  ]);
}
