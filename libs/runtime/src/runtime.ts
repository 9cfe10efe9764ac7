// The firmware's inference runtime for TypeScript: integer helpers of the kernels, and bundles that run on them. There
// is no inference here; every integer comes out of WebAssembly. One instance and one memory per loaded bundle.
import { FleetError } from '@tinyfleet/errors';
import { wasmModule } from '@tinyfleet/firmware';
import { check, instantiate, type RuntimeExports } from './exports.js';
import { OPS, RECORDS, type OpName } from './generated/bundle-layout.js';
import { LoadedBundle } from './loaded-bundle.js';

const SCRATCH_BYTES = 1 << 20;
/** Arena and state of one bundle on this host, and where they are worth a check before memory is made. */
const MAX_MEMORY_BYTES = 1 << 30;
const LARGE_MEMORY_BYTES = 1 << 24;

export class Runtime {
  private constructor(
    private readonly module: WebAssembly.Module,
    private readonly exports: RuntimeExports,
    private readonly base: number,
  ) {}

  /** `module` defaults to the committed firmware; another build serves compatibility tests. */
  static async open(module?: WebAssembly.Module): Promise<Runtime> {
    const chosen = module ?? (await wasmModule());
    const { exports, base } = instantiate(chosen, SCRATCH_BYTES);
    return new Runtime(chosen, exports, base);
  }

  get abi(): { major: number; minor: number } {
    const abi = this.exports.rt_abi();
    return { major: abi >>> 16, minor: abi & 0xffff };
  }

  /** Bitmaps as in the bundle's header. */
  get opSet(): { opSet: Uint8Array; ownOpSet: Uint8Array } {
    this.exports.rt_op_set(this.base, this.base + 32);
    const bytes = new Uint8Array(this.exports.memory.buffer, this.base, 40).slice();
    return { opSet: bytes.subarray(0, 32), ownOpSet: bytes.subarray(32) };
  }

  /** 0 when this runtime lacks the op. */
  opVersion(op: OpName): number {
    return this.exports.rt_op_version(OPS[op].number);
  }

  /**
   * Checks a bundle and binds it to memory of its own. Throws the registered error (areas bundle, runtime) that a
   * device would report.
   */
  load(bundle: Uint8Array): LoadedBundle {
    const header = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
    const sizes = { arena: 0, state: 0 };
    if (bundle.length >= RECORDS.header.bytes) {
      sizes.arena = header.getUint32(RECORDS.header.fields.arena_bytes.offset, true);
      sizes.state = header.getUint32(RECORDS.header.fields.state_bytes.offset, true);
    }
    // A header that asks for much is checked in a memory of the bundle's size first, so that a hostile one costs nothing.
    if (sizes.arena + sizes.state > LARGE_MEMORY_BYTES) {
      const trial = instantiate(this.module, bundle.length);
      new Uint8Array(trial.exports.memory.buffer, trial.base, bundle.length).set(bundle);
      check(trial.exports.rt_inspect(trial.base, bundle.length), { bytes: bundle.length });
      if (sizes.arena + sizes.state > MAX_MEMORY_BYTES)
        throw new FleetError('bundle.arena-too-small', { required: sizes.arena, found: MAX_MEMORY_BYTES });
    }
    return new LoadedBundle(this.module, bundle, sizes);
  }

  /** MultiplyByQuantizedMultiplier with TFLite Micro's double rounding; int32 in and out. */
  requantize(x: number, multiplier: number, shift: number): number {
    return this.exports.rt_requantize(x, multiplier, shift);
  }

  /** The 64-bit accumulator's variant (int16 layers). */
  requantize64(x: bigint, multiplier: number, shift: number): number {
    return this.exports.rt_requantize64(x, multiplier, shift);
  }

  /** exp(x / 2^26) for x <= 0, as Q0.31: the exponential of the int8 softmax. */
  expQ31(x: number): number {
    return this.exports.rt_exp_q31(x);
  }

  /** CRC-32 as devices compute it, continued from `crc`. */
  crc32(data: Uint8Array, crc = 0): number {
    let value = crc;
    for (let from = 0; from < data.length; from += SCRATCH_BYTES) {
      const part = data.subarray(from, from + SCRATCH_BYTES);
      new Uint8Array(this.exports.memory.buffer, this.base, part.length).set(part);
      value = this.exports.rt_crc32(value, this.base, part.length);
    }
    return value >>> 0;
  }

  /** Golden inputs: `bytes` bytes from a non-zero xorshift32 state, and the state after them. */
  randomBytes(state: number, bytes: number): { data: Uint8Array; state: number } {
    const data = new Uint8Array(bytes);
    let next = state;
    for (let from = 0; from < bytes; from += SCRATCH_BYTES) {
      const length = Math.min(SCRATCH_BYTES, bytes - from);
      next = this.exports.rt_fill_random(next, this.base, length) >>> 0;
      data.set(new Uint8Array(this.exports.memory.buffer, this.base, length), from);
    }
    return { data, state: next };
  }
}
