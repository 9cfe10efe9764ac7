// The MLPerf Tiny models on every native port: outputs and each layer's CRC-32 as TensorFlow Lite Micro's reference kernels
// computed them, memory kept to, stack measured. TINYFLEET_ALL_VECTORS=1 runs all vectors instead of a few.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { PORTS, PortError, runOnPort, selfTestOnPort, type Port } from '@tinyfleet/firmware';
import { describeWith, findTool, type Tool } from '@tinyfleet/testing';
import { compile } from '../src/index.js';

const folder = join(findTool('shared-data') ?? '', 'mlperf_tiny');
const deviceType = { name: 'any', core: 'm4', clockHz: 1e8, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

/** Vectors of each model that a test runs on each port. */
const MODELS = {
  hello_world_int8: 256,
  ad01_int8: 20,
  micro_speech_quantized: 8,
  kws_ref_model: 4,
  vww_96_int8: 2,
  pretrainedResnet_quant: 2,
};

/** Bytes: a port that sets this aside for fleet_run is safe with every op of these models. */
const STACK_BUDGET = 1024;

const TOOLS: Record<Port, Tool[]> = {
  host: ['gcc'],
  sanitized: ['gcc'],
  m3: ['arm-none-eabi-gcc', 'qemu-system-arm'],
  m4: ['arm-none-eabi-gcc', 'qemu-system-arm'],
  m7: ['arm-none-eabi-gcc', 'qemu-system-arm'],
};

interface Meta {
  count: number;
  input_bytes: number;
  output_bytes: number;
  ops: { op: string }[];
}

const read = (path: string): Buffer => readFileSync(join(folder, path));

function vectors(name: string, few: number) {
  const meta = JSON.parse(read(`vectors/${name}/meta.json`).toString()) as Meta;
  const count = process.env['TINYFLEET_ALL_VECTORS'] === '1' ? meta.count : few;
  const crcs = read(`vectors/${name}/layer_crc32.bin`);
  const layers = Array.from({ length: count }, (_, i) =>
    meta.ops.map((_, k) => crcs.readUInt32LE((i * meta.ops.length + k) * 4)),
  );
  return {
    inputs: read(`vectors/${name}/inputs.bin`).subarray(0, count * meta.input_bytes),
    outputs: read(`vectors/${name}/outputs.bin`).subarray(0, count * meta.output_bytes),
    layers,
  };
}

const bundles = new Map<string, Promise<Uint8Array>>();
/** Optimized or not; compiled once for all ports. */
function bundleOf(name: string, optimize: boolean): Promise<Uint8Array> {
  const key = `${name} ${optimize}`;
  const source = { bytes: read(`${name}.tflite`), fileName: `${name}.tflite` };
  const made = bundles.get(key) ?? compile(source, { deviceType, optimize }).then((result) => result.bundle);
  bundles.set(key, made);
  return made;
}

for (const port of PORTS) {
  describeWith(['shared-data', ...TOOLS[port]], `MLPerf Tiny on port ${port}`, () => {
    for (const [name, few] of Object.entries(MODELS))
      it(`should compute every layer of ${name} as the reference does, within its memory`, async () => {
        const { inputs, outputs, layers } = vectors(name, few);
        const options = { steps: true, reset: true };
        const run = await runOnPort(port, await bundleOf(name, false), inputs, options);
        expect(run.inferences.map((inference) => inference.steps.map((step) => step.crc))).toEqual(layers);
        expect(Buffer.from(run.outputs).equals(outputs)).toBe(true);
        if (port === 'host' || port === 'sanitized') return;
        for (const { stackBytes, cost } of run.inferences) {
          expect(stackBytes).toBeGreaterThan(0);
          expect(stackBytes).toBeLessThanOrEqual(STACK_BUDGET);
          expect(cost).toBeGreaterThan(0);
        }
      });

    it('should give the same outputs when optimized, and pass the golden vectors', async () => {
      const bundle = await bundleOf('kws_ref_model', true);
      const { inputs, outputs } = vectors('kws_ref_model', 2);
      const run = await runOnPort(port, bundle, inputs);
      expect(Buffer.from(run.outputs).equals(outputs)).toBe(true);
      expect(await selfTestOnPort(port, bundle)).toBe(4);
    });

    it('should refuse a damaged bundle by its code', async () => {
      const bundle = Uint8Array.from(await bundleOf('hello_world_int8', true));
      bundle[4] = 9;
      await expect(selfTestOnPort(port, bundle)).rejects.toThrow(new PortError(303, 65_535));
    });
  });
}
