// One bundle in a WebAssembly memory of its own: contract, inference, per-step outputs and CRCs, monitors, self-test.
import { readBundle, type BundleView } from './bundle-view.js';
import { check, instantiate, type RuntimeExports } from './exports.js';

export interface Trace {
  readonly outputs: readonly Uint8Array[];
  /** CRC-32 of all outputs in contract order. */
  readonly outputsCrc: number;
  /** CRC-32 of the outputs of each plan step. */
  readonly stepCrcs: readonly number[];
}

export interface SelfTestResult {
  readonly passed: boolean;
  readonly vector: number;
  /** Registered number of what differed, and the plan step if it was one. */
  readonly error: number;
  readonly failedStep: number | null;
}

export interface MonitoredValue {
  readonly monitor: number;
  readonly value: number;
}

const NO_STEP = 0xffff;
const ALL_STEPS = 0x7fffffff;
const KEPT_VALUES = 65_536;
const align = (bytes: number): number => Math.ceil(bytes / 16) * 16;

export class LoadedBundle {
  readonly view: BundleView;
  private readonly exports: RuntimeExports;
  private readonly memory: Uint8Array;
  private readonly context: number;
  private readonly test: number;
  private readonly values: number;
  private readonly scratch: number;
  private readonly scratchBytes: number;
  /** Raw samples fed before that made no whole pass yet. */
  private pending = new Int16Array(0);

  /** Made by `Runtime.load`. */
  constructor(module: WebAssembly.Module, bundle: Uint8Array, sizes: { arena: number; state: number }) {
    const parts = [
      256,
      64,
      sizes.arena + 64,
      sizes.state,
      sizes.arena,
      bundle.length,
      16 + KEPT_VALUES * 8,
    ].map(align);
    const { exports, base } = instantiate(
      module,
      parts.reduce((a, b) => a + b, 0),
    );
    let next = base;
    const place = (): number => {
      const at = next;
      next += parts.shift()!;
      return at;
    };
    this.exports = exports;
    this.memory = new Uint8Array(exports.memory.buffer);
    this.context = place();
    this.test = place();
    this.scratch = place();
    this.scratchBytes = align(sizes.arena + 64);
    const state = place();
    const arena = place();
    const at = place();
    this.values = place();
    this.memory.set(bundle, at);
    const result = exports.rt_load(
      this.context,
      at,
      bundle.length,
      arena,
      sizes.arena,
      state,
      sizes.state,
      this.scratch,
    );
    const step = this.word(this.scratch);
    check(result, { bytes: bundle.length, ...(step === NO_STEP ? {} : { step }) });
    this.view = readBundle(bundle);
  }

  get stepCount(): number {
    return this.view.steps.length;
  }

  /** Raw bytes of each input, in contract order; sizes must match. */
  setInputs(inputs: readonly Uint8Array[]): void {
    this.view.inputs.forEach((tensor, i) => {
      const data = inputs[i];
      if (data?.length !== tensor.bytes)
        throw new RangeError(`Input ${i} takes ${tensor.bytes} bytes, not ${data?.length ?? 'none'}`);
    });
    this.view.inputs.forEach((_, i) => this.memory.set(inputs[i]!, this.exports.rt_input(this.context, i)));
  }

  outputs(): Uint8Array[] {
    return this.view.outputs.map((tensor, i) => {
      const at = this.exports.rt_output(this.context, i);
      return this.memory.slice(at, at + tensor.bytes);
    });
  }

  /** One inference. State (streaming models) goes on from the one before; see `resetState`. */
  run(inputs: readonly Uint8Array[]): Uint8Array[] {
    this.setInputs(inputs);
    return this.infer();
  }

  /** One inference on the inputs that are in place. */
  infer(): Uint8Array[] {
    check(this.exports.rt_begin(this.context));
    check(this.exports.rt_run(this.context, ALL_STEPS));
    return this.outputs();
  }

  /**
   * Raw samples (axes interleaved) through the bundle's front end, as a device takes them: `onInputs` is called as often as
   * an inference is due, with the inputs in place. Samples that fill no whole pass are kept for the next call.
   */
  feed(samples: Int16Array, onInputs: () => void): void {
    const all = this.pending.length === 0 ? samples : Int16Array.from([...this.pending, ...samples]);
    let at = 0;
    for (;;) {
      check(this.exports.rt_raw(this.context, this.scratch));
      const [address, frames, , axes] = [0, 4, 8, 12].map((offset) => this.word(this.scratch + offset));
      const wanted = frames! * axes!;
      if (wanted === 0) throw new RangeError('This bundle has no front end: it takes its inputs directly');
      if (at + wanted > all.length) break;
      new Int16Array(this.memory.buffer, address, wanted).set(all.subarray(at, at + wanted));
      at += wanted;
      if (check(this.exports.rt_feed(this.context)) === 0) onInputs();
    }
    this.pending = all.slice(at);
  }

  /** Outputs of every inference that the samples lead to. State and left-over samples go on from the call before. */
  runRaw(samples: Int16Array): Uint8Array[][] {
    const results: Uint8Array[][] = [];
    this.feed(samples, () => results.push(this.infer()));
    return results;
  }

  /** The quantized inputs that the front end makes of the samples, without running the model. */
  features(samples: Int16Array): Uint8Array[][] {
    const results: Uint8Array[][] = [];
    this.feed(samples, () => results.push(this.inputs()));
    return results;
  }

  private inputs(): Uint8Array[] {
    return this.view.inputs.map((tensor, i) => {
      const at = this.exports.rt_input(this.context, i);
      return this.memory.slice(at, at + tensor.bytes);
    });
  }

  /** One inference step by step. `onStep` may look at `stepOutput()`. */
  trace(inputs: readonly Uint8Array[], onStep?: (step: number, crc: number) => void): Trace {
    this.setInputs(inputs);
    return this.traceInputs(onStep);
  }

  /** The same on the inputs that are in place, the front end's for instance. */
  traceInputs(onStep?: (step: number, crc: number) => void): Trace {
    check(this.exports.rt_begin(this.context));
    const stepCrcs: number[] = [];
    let left: number;
    do {
      left = check(this.exports.rt_run(this.context, 1), { step: stepCrcs.length });
      const crc = this.exports.rt_last_step_crc(this.context) >>> 0;
      stepCrcs.push(crc);
      onStep?.(stepCrcs.length - 1, crc);
    } while (left > 0);
    return {
      outputs: this.outputs(),
      outputsCrc: this.exports.rt_outputs_crc(this.context, 0) >>> 0,
      stepCrcs,
    };
  }

  /**
   * Frames one after the other from the initial state, as a golden vector runs them: CRC-32 of all outputs of all frames, and the
   * last frame's steps and outputs.
   */
  stream(frames: readonly (readonly Uint8Array[])[]): Trace {
    this.resetState();
    let outputsCrc = 0;
    frames.slice(0, -1).forEach((inputs) => {
      this.run(inputs);
      outputsCrc = this.exports.rt_outputs_crc(this.context, outputsCrc) >>> 0;
    });
    const last = this.trace(frames.at(-1)!);
    return { ...last, outputsCrc: this.exports.rt_outputs_crc(this.context, outputsCrc) >>> 0 };
  }

  /** Output of the step executed last. */
  stepOutput(output = 0): Uint8Array {
    const bytes = check(
      this.exports.rt_last_step_output(this.context, output, this.scratch, this.scratchBytes),
    );
    return this.memory.slice(this.scratch, this.scratch + bytes);
  }

  resetState(): void {
    this.pending = new Int16Array(0);
    check(this.exports.rt_reset_state(this.context));
  }

  /** Telemetry schema: CRC-32 of the monitors section, 0 without monitors. */
  get monitorsCrc(): number {
    return this.exports.rt_monitors_crc(this.context) >>> 0;
  }

  /** One inference and every value its monitors took. Class monitors give class << 8 | confidence (0..255). */
  runMonitored(inputs: readonly Uint8Array[]): { outputs: Uint8Array[]; values: MonitoredValue[] } {
    this.exports.rt_keep_values(this.context, this.values, KEPT_VALUES);
    try {
      const outputs = this.run(inputs);
      const values = Array.from({ length: this.word(this.values) }, (_, i) => ({
        monitor: this.word(this.values + 16 + i * 8),
        value: this.word(this.values + 20 + i * 8) | 0,
      }));
      return { outputs, values };
    } finally {
      this.exports.rt_keep_values(this.context, 0, 0);
    }
  }

  /** Runs golden vector `vector` as a device does before a bundle becomes active. State is reset after it. */
  selfTest(vector: number): SelfTestResult {
    check(this.exports.rt_self_test_begin(this.context, this.test, vector), { vector });
    const error = -this.exports.rt_self_test(this.context, this.test, ALL_STEPS);
    const step = this.exports.rt_self_test_failed_step(this.test);
    this.resetState();
    return {
      passed: error === 0,
      vector,
      error: error === 0 ? 0 : error,
      failedStep: step === NO_STEP ? null : step,
    };
  }

  private word(at: number): number {
    return new DataView(this.memory.buffer).getUint32(at, true);
  }
}
