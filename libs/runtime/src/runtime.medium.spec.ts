// The wrapper over the committed WebAssembly module, with a bundle made by hand.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { miniBundle } from '../test/mini-bundle.js';
import { OPS, RECORDS, Runtime, SECTIONS, readBundle } from './index.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await Runtime.open();
});

const int8 = (...values: number[]): Uint8Array => new Uint8Array(Int8Array.from(values).buffer);
// Two's complement of 2x, saturated, as the mini bundle computes it.
const doubled = (input: Uint8Array): Uint8Array =>
  int8(...new Int8Array(input.slice().buffer).map((x) => Math.max(-128, Math.min(127, 2 * x))));

const checksum = (data: Uint8Array): number => runtime.crc32(data);

describe('Runtime', () => {
  it('should tell its ABI and exactly the ops that the tables call implemented', () => {
    expect(runtime.abi).toEqual({ major: 1, minor: 0 });
    const { opSet, ownOpSet } = runtime.opSet;
    const has = (n: number): boolean =>
      n >= 1024
        ? (ownOpSet[(n - 1024) >> 3]! & (1 << (n & 7))) !== 0
        : (opSet[n >> 3]! & (1 << (n & 7))) !== 0;
    for (const [name, op] of Object.entries(OPS)) {
      expect([name, has(op.number)]).toEqual([name, op.implemented]);
      expect([name, runtime.opVersion(name as keyof typeof OPS)]).toEqual([
        name,
        op.implemented ? op.version : 0,
      ]);
    }
  });

  it('should round twice when it requantizes, halves as TensorFlow Lite does', () => {
    expect(runtime.requantize(1, 2 ** 30, 0)).toBe(1);
    expect(runtime.requantize(-1, 2 ** 30, 0)).toBe(0);
    expect(runtime.requantize(-3, 2 ** 31 - 1, -1)).toBe(-2);
    // One rounding of 0.75 * 2^-1 would give 0; two give 1.
    expect(runtime.requantize(1, 1610612736, -1)).toBe(1);
    expect(runtime.requantize(-(2 ** 31), 2 ** 31 - 1, 0)).toBe(-(2 ** 31) + 1);
    expect(runtime.requantize64(2n ** 40n, 2 ** 30, -10)).toBe(2 ** 29);
  });

  it('should compute exponentials of the softmax in Q0.31', () => {
    expect(runtime.expQ31(0)).toBe(2 ** 31 - 1);
    for (const x of [-0.1, -1, -2.5, -7, -20])
      expect(runtime.expQ31(Math.round(x * 2 ** 26)) / 2 ** 31).toBeCloseTo(Math.exp(x), 5);
  });

  it('should compute CRC-32 as zlib does, also over more than its scratch memory', () => {
    const data = runtime.randomBytes(42, 2_500_000).data;
    if (typeof crc32 === 'function') expect(runtime.crc32(data)).toBe(crc32(data));
    expect(runtime.crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(runtime.crc32(data.subarray(1000), runtime.crc32(data.subarray(0, 1000)))).toBe(
      runtime.crc32(data),
    );
  });

  it('should draw golden inputs from xorshift32, one value per byte, wherever it is interrupted', () => {
    let x = 7;
    const wanted = Array.from({ length: 64 }, () => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return x >>> 24;
    });
    expect([...runtime.randomBytes(7, 64).data]).toEqual(wanted);
    const first = runtime.randomBytes(7, 10);
    expect([...runtime.randomBytes(first.state, 54).data]).toEqual(wanted.slice(10));
  });

  it('should refuse what is no bundle with the registered code that a device reports', () => {
    const bundle = miniBundle();
    const changed = (at: number, value: number): Uint8Array => {
      const copy = bundle.slice();
      copy[at] = value;
      return copy;
    };
    const refused: [string, Uint8Array][] = [
      ['bundle.truncated', new Uint8Array()],
      ['bundle.truncated', bundle.subarray(0, bundle.length - 16)],
      ['bundle.not-a-bundle', changed(0, 0)],
      ['bundle.abi-unsupported', changed(RECORDS.header.fields.abi_major.offset, 2)],
      ['bundle.op-unsupported', changed(RECORDS.header.fields.own_op_set.offset, 255)],
      ['bundle.header-invalid', changed(RECORDS.header.fields.input_count.offset, 0)],
    ];
    for (const [code, bytes] of refused)
      expect(() => runtime.load(bytes)).toThrow(expect.objectContaining({ code }));
  });

  it('should name the step when the plan is at fault, and ask for no memory a bundle cannot mean', () => {
    const bundle = miniBundle();
    const { plan } = readBundle(bundle).sections;
    bundle[plan!.offset + RECORDS.step.fields.version.offset] = 9;
    expect(() => runtime.load(bundle)).toThrow(
      expect.objectContaining({
        code: 'bundle.op-version-unsupported',
        data: expect.objectContaining({ step: 0 }),
      }),
    );
    const greedy = miniBundle();
    new DataView(greedy.buffer).setUint32(RECORDS.header.fields.arena_bytes.offset, 0xfffffff0, true);
    expect(() => runtime.load(greedy)).toThrow(expect.objectContaining({ code: 'bundle.arena-too-small' }));
  });
});

describe('LoadedBundle', () => {
  it('should run inferences and give outputs, step CRCs and step outputs', () => {
    const loaded = runtime.load(miniBundle());
    const input = int8(-100, -3, 5, 100);
    expect(loaded.run([input])).toEqual([doubled(input)]);
    const steps: Uint8Array[] = [];
    const trace = loaded.trace([input], () => steps.push(loaded.stepOutput()));
    expect(trace.outputs).toEqual([doubled(input)]);
    expect(steps).toEqual([doubled(input)]);
    expect(trace.stepCrcs).toEqual([checksum(doubled(input))]);
    expect(trace.outputsCrc).toBe(checksum(doubled(input)));
  });

  it('should refuse inputs of a wrong size before it runs anything', () => {
    const loaded = runtime.load(miniBundle());
    expect(() => loaded.run([new Uint8Array(3)])).toThrow(RangeError);
    expect(() => loaded.run([])).toThrow(RangeError);
  });

  it('should hand out monitored values: the class and its confidence', () => {
    const loaded = runtime.load(miniBundle());
    const { values } = loaded.runMonitored([int8(1, 40, 2, 40)]);
    expect(values).toEqual([{ monitor: 0, value: (1 << 8) | (80 + 128) }]);
    const { monitors } = readBundle(miniBundle()).sections;
    expect(loaded.monitorsCrc).toBe(
      checksum(miniBundle().subarray(monitors!.offset, monitors!.offset + monitors!.length)),
    );
  });

  it('should pass its self-test, and fail it for an output or a step that differs', () => {
    const output = doubled(runtime.randomBytes(5, 4).data);
    const golden = { seed: 5, outputsCrc: checksum(output), stepCrcs: [checksum(output)] };
    expect(runtime.load(miniBundle({ golden })).selfTest(0)).toMatchObject({
      passed: true,
      failedStep: null,
    });
    const wrongStep = miniBundle({ golden: { ...golden, stepCrcs: [1] } });
    expect(runtime.load(wrongStep).selfTest(0)).toMatchObject({ passed: false, error: 503, failedStep: 0 });
    const wrongOutput = miniBundle({ golden: { ...golden, outputsCrc: 1 } });
    expect(runtime.load(wrongOutput).selfTest(0)).toMatchObject({
      passed: false,
      error: 502,
      failedStep: null,
    });
    expect(() => runtime.load(miniBundle({ golden })).selfTest(1)).toThrow(
      expect.objectContaining({ code: 'runtime.argument-invalid' }),
    );
  });

  it('should notice a flipped bit of a weight in its self-test', () => {
    const seed = 0x9e3779b9;
    const output = doubled(runtime.randomBytes(seed, 4).data);
    const golden = { seed, outputsCrc: checksum(output), stepCrcs: [checksum(output)] };
    const bundle = miniBundle({ golden });
    expect(runtime.load(bundle).selfTest(0).passed).toBe(true);
    const firstWeight = readBundle(bundle).sections.constants!.offset;
    bundle[firstWeight] = bundle[firstWeight]! ^ 1;
    expect(runtime.load(bundle).selfTest(0)).toMatchObject({ passed: false, failedStep: 0 });
  });

  it('should keep bundles apart', () => {
    const [a, b] = [runtime.load(miniBundle()), runtime.load(miniBundle())];
    a.run([int8(1, 2, 3, 4)]);
    b.run([int8(5, 6, 7, 8)]);
    expect(a.outputs()).toEqual([int8(2, 4, 6, 8)]);
    expect(b.outputs()).toEqual([int8(10, 12, 14, 16)]);
    expect(Object.keys(SECTIONS)).toContain('plan');
  });
});
