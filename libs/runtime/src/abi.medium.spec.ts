// Every ABI ever released: its bundles on today's firmware and on the firmware of its release give the same outputs and
// pass their self-tests. The files of firmware-stubs/abi never change.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { OPS, Runtime, readBundle } from './index.js';

const root = fileURLToPath(new URL('../../../firmware-stubs/abi', import.meta.url));
const versions = readdirSync(root).filter((name) => /^\d+\.\d+$/.test(name));

describe.each(versions)('bundle ABI %s', (version) => {
  const folder = join(root, version);
  const bundles = readdirSync(folder).filter((name) => name.endsWith('.bundle'));
  const released = new WebAssembly.Module(readFileSync(join(folder, 'tinyfleet.wasm')));

  it('should cover every op that its firmware has', async () => {
    const runtime = await Runtime.open(released);
    expect(`${runtime.abi.major}.${runtime.abi.minor}`).toBe(version);
    const used = new Set(
      bundles.flatMap((name) => readBundle(readFileSync(join(folder, name))).steps.map((s) => s.op)),
    );
    const had = Object.keys(OPS).filter((op) => runtime.opVersion(op as keyof typeof OPS) > 0);
    expect([...used].sort()).toEqual(had.sort());
  });

  it.each(bundles)('should run %s as it did when it was released', async (name) => {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    const today = (await Runtime.open()).load(bytes);
    const then = (await Runtime.open(released)).load(bytes);
    expect(today.view.goldenCount).toBeGreaterThan(0);
    for (let vector = 0; vector < today.view.goldenCount; vector++) {
      expect(today.selfTest(vector)).toMatchObject({ passed: true });
      expect(then.selfTest(vector)).toMatchObject({ passed: true });
    }
    const runtime = await Runtime.open();
    for (let seed = 1; seed <= 20; seed++) {
      const inputs = today.view.inputs.map(
        (tensor, i) => runtime.randomBytes(seed * 31 + i, tensor.bytes).data,
      );
      expect(today.trace(inputs)).toEqual(then.trace(inputs));
    }
  });
});
