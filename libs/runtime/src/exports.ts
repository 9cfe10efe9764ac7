// The `rt_*` functions of the WebAssembly module (firmware-stubs/ports/wasm/runtime_exports.c). Pointers are numbers.
import { FleetError, errorByNumber, type ErrorCode } from '@tinyfleet/errors';
import type { PayloadExports } from './payload.js';

export interface RuntimeExports extends PayloadExports {
  readonly memory: WebAssembly.Memory;
  readonly __heap_base: WebAssembly.Global<'i32'>;
  rt_abi(): number;
  rt_context_bytes(): number;
  rt_self_test_bytes(): number;
  rt_op_set(opSet: number, ownOpSet: number): void;
  rt_op_version(op: number): number;
  rt_inspect(bundle: number, bytes: number): number;
  rt_load(
    context: number,
    bundle: number,
    bundleBytes: number,
    arena: number,
    arenaBytes: number,
    state: number,
    stateBytes: number,
    failedStep: number,
  ): number;
  rt_reset_state(context: number): number;
  rt_input(context: number, index: number): number;
  rt_output(context: number, index: number): number;
  rt_raw(context: number, out: number): number;
  rt_feed(context: number): number;
  rt_begin(context: number): number;
  rt_run(context: number, maxSteps: number): number;
  rt_step(context: number): number;
  rt_last_step_crc(context: number): number;
  rt_outputs_crc(context: number, crc: number): number;
  rt_last_step_output(context: number, output: number, destination: number, capacity: number): number;
  rt_keep_values(context: number, values: number, capacity: number): void;
  rt_monitors_crc(context: number): number;
  rt_self_test_begin(context: number, test: number, vector: number): number;
  rt_self_test(context: number, test: number, maxSteps: number): number;
  rt_self_test_failed_step(test: number): number;
  rt_crc32(crc: number, data: number, bytes: number): number;
  rt_fill_random(state: number, destination: number, bytes: number): number;
  rt_requantize(x: number, multiplier: number, shift: number): number;
  rt_requantize64(x: bigint, multiplier: number, shift: number): number;
  rt_exp_q31(x: number): number;
}

/**
 * An instance whose memory has room for `bytes` above its own data, and where that room starts (16-byte aligned). Memory is sized once, so views
 * of it stay valid. The agent's imports are there because runtime and agent are one module; nothing here calls them.
 */
export function instantiate(
  module: WebAssembly.Module,
  bytes: number,
): { exports: RuntimeExports; base: number } {
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== 'function') throw new TypeError(`The firmware imports ${from}.${name}, a ${kind}`);
    (imports[from] ??= {})[name] = () => {
      throw new TypeError(`${from}.${name} belongs to the agent, which this instance does not run`);
    };
  }
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as RuntimeExports;
  const base = Math.ceil(exports.__heap_base.value / 16) * 16;
  const missing = base + bytes - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / 65536));
  return { exports, base };
}

/** Throws the registered error of a negative result; passes any other through. */
export function check(result: number, data: Readonly<Record<string, unknown>> = {}): number {
  if (result >= 0) return result;
  const code: ErrorCode = errorByNumber(result) ?? 'runtime.kernel-failed';
  throw new (FleetError as new (code: ErrorCode, data: unknown) => FleetError)(code, data);
}
