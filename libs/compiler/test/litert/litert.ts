// LiteRT.js as an oracle: TensorFlow Lite's own interpreter reads and runs what the .tflite backend wrote. Its API passes
// float32, int32 and uint8 only, so quantized edges of a model are wrapped in QUANTIZE and DEQUANTIZE here; the values
// survive exactly.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writeFlatbuffer } from '../../src/backends/tflite/flatbuffer-writer.js';
import { readFlatbuffer } from '../../src/frontends/tflite/flatbuffer-reader.js';
import { DEFAULT_LIMITS } from '../../src/frontends/tflite/limits.js';
import { FILE_IDENTIFIER, MODEL, TENSOR_TYPES } from '../../src/ir/tflite-schema.js';

const child = fileURLToPath(new URL('litert-child.mjs', import.meta.url));
const QUANTIZE = 114;
const DEQUANTIZE = 6;

const INTEGERS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array } as const;

interface Edge {
  readonly dtype: keyof typeof INTEGERS;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A model with float edges; `null` marks an edge that is as it was. */
export interface FloatEdged {
  readonly bytes: Uint8Array;
  readonly inputs: readonly (Edge | null)[];
  readonly outputs: readonly (Edge | null)[];
}

type Model = ReturnType<typeof readFlatbuffer<typeof MODEL>>;
type SubGraph = NonNullable<Model['subgraphs']>[number];

export function withFloatEdges(bytes: Uint8Array): FloatEdged {
  const model = readFlatbuffer(bytes, MODEL, DEFAULT_LIMITS);
  const [graph, ...others] = model.subgraphs!;
  const codes = [...model.operatorCodes!];
  const tensors: unknown[] = [...graph!.tensors!];
  const before: unknown[] = [];
  const after: unknown[] = [];
  const code = (number: number): number =>
    codes.push({
      ...codes[0]!,
      deprecatedBuiltinCode: number,
      builtinCode: number,
      customCode: null,
      version: 3,
    }) - 1;
  const [quantize, dequantize] = [code(QUANTIZE), code(DEQUANTIZE)];
  const wrap = (position: number, isInput: boolean): [number, Edge | null] => {
    const edge = edgeOf(graph!, position);
    if (edge === null) return [position, null];
    const { shape } = graph!.tensors![position]!;
    const type = TENSOR_TYPES.indexOf('float32');
    const float = tensors.push({ shape, type, buffer: 0, name: `float ${tensors.length}` }) - 1;
    if (isInput) before.push({ opcodeIndex: quantize, inputs: [float], outputs: [position] });
    else after.push({ opcodeIndex: dequantize, inputs: [position], outputs: [float] });
    return [float, edge];
  };
  const inputs = graph!.inputs!.map((at) => wrap(at, true));
  const outputs = graph!.outputs!.map((at) => wrap(at, false));
  const subgraph = {
    ...graph,
    tensors,
    inputs: inputs.map(([at]) => at),
    outputs: outputs.map(([at]) => at),
    operators: [...before, ...readable(graph!), ...after],
  };
  return {
    bytes: writeFlatbuffer(MODEL, FILE_IDENTIFIER, {
      ...model,
      operatorCodes: codes,
      subgraphs: [subgraph, ...others.map((other) => ({ ...other, operators: readable(other) }))],
    }),
    inputs: inputs.map(([, edge]) => edge),
    outputs: outputs.map(([, edge]) => edge),
  };
}

/** Option tables that our schema leaves out say nothing. */
function readable({ operators }: SubGraph): unknown[] {
  return (operators ?? []).map((one) => (one.options?.value === null ? { ...one, options: null } : one));
}

function edgeOf(graph: SubGraph, position: number): Edge | null {
  const { type, quantization } = graph.tensors![position]!;
  const dtype = TENSOR_TYPES[type] ?? '';
  if (!(dtype in INTEGERS) || quantization?.scale?.length !== 1) return null;
  const [scale] = quantization.scale;
  return { dtype: dtype as Edge['dtype'], scale: scale!, zeroPoint: quantization.zeroPoint?.[0] ?? 0 };
}

export interface LitertJob {
  readonly model: Uint8Array;
  /** One after the other on one interpreter. */
  readonly inferences: readonly (readonly Uint8Array[])[];
  /** Element types of inputs and outputs as given and wanted; uint8 where the model has int8 means q + 128. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Outputs of every inference, or why LiteRT.js cannot run the model. */
export type LitertResult = { readonly outputs: Uint8Array[][] } | { readonly error: string };

export async function runLitert(jobs: readonly LitertJob[]): Promise<LitertResult[]> {
  const wrapped = jobs.map(({ model }) => withFloatEdges(model));
  const requests = jobs.map((job, i) => {
    const { bytes, inputs } = wrapped[i]!;
    const base64 = (data: Uint8Array, k: number): string =>
      Buffer.from(toFloat(flipped(data, job.inputs[k]!, inputs[k]!), inputs[k]!)).toString('base64');
    const inferences = job.inferences.map((data) => data.map(base64));
    return { model: Buffer.from(bytes).toString('base64'), inferences };
  });
  const replies: Reply[] = [];
  // A trap ends a process early.
  while (replies.length < requests.length)
    replies.push(...(JSON.parse(await ask(JSON.stringify(requests.slice(replies.length)))) as Reply[]));
  return replies.map((reply, i) => {
    if ('error' in reply) return { error: reply.error };
    const { outputs } = wrapped[i]!;
    const bytes = (text: string, k: number): Uint8Array =>
      flipped(fromFloat(Buffer.from(text, 'base64'), outputs[k]!), jobs[i]!.outputs[k]!, outputs[k]!);
    return { outputs: reply.outputs.map((inference) => inference.map(bytes)) };
  });
}

type Reply = { readonly outputs: string[][] } | { readonly error: string };

function flipped(data: Uint8Array, type: string, edge: Edge | null): Uint8Array {
  return type === 'uint8' && edge?.dtype === 'int8' ? data.map((byte) => byte ^ 0x80) : data;
}

function toFloat(data: Uint8Array, edge: Edge | null): Uint8Array {
  if (edge === null) return data;
  const values = new INTEGERS[edge.dtype](Uint8Array.from(data).buffer);
  const floats = Float32Array.from(values, (q) => Math.fround(edge.scale) * (q - edge.zeroPoint));
  return new Uint8Array(floats.buffer);
}

function fromFloat(data: Uint8Array, edge: Edge | null): Uint8Array {
  if (edge === null) return data;
  const floats = new Float32Array(Uint8Array.from(data).buffer);
  const values = new INTEGERS[edge.dtype](floats.length);
  floats.forEach((x, i) => (values[i] = Math.round(x / Math.fround(edge.scale)) + edge.zeroPoint));
  return new Uint8Array(values.buffer);
}

/** Elements of a tensor as numbers. */
export function numbers(data: Uint8Array, type: string): number[] {
  const own = Uint8Array.from(data).buffer;
  const types = { ...INTEGERS, int32: Int32Array } as const;
  if (!(type in types)) return [...data];
  return [...new types[type as keyof typeof types](own)];
}

function ask(input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const process = spawn('node', ['--no-warnings', child], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: withoutOptions(),
    });
    let output = '';
    let log = '';
    process.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    process.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    process.on('error', reject);
    process.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`LiteRT.js ended with ${code}:\n${log}`));
    });
    process.stdin.end(input);
  });
}

/** Jest's own flags are not the child's. */
function withoutOptions(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  delete env['NODE_OPTIONS'];
  return env;
}
