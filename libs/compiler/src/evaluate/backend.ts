// tfjs, as far as it is needed to evaluate graphs: its core and one backend. The wasm backend (SIMD, one thread) is the
// same program everywhere, so calibration gives the same scales on every machine and a bundle its same bytes; that is why
// faster native backends are not looked for. The slow backend in plain JavaScript serves where WebAssembly cannot start.
import type * as Tf from '@tensorflow/tfjs-core';

export type Tfjs = typeof Tf;

/** By preference; not names that the type checker resolves, since any one of them is enough. */
const BACKENDS: readonly (readonly [name: string, module: string])[] = [
  ['wasm', '@tensorflow/tfjs-backend-wasm'],
  ['cpu', '@tensorflow/tfjs-backend-cpu'],
];

let opened: Promise<Tfjs> | null = null;

/** Loaded when first needed: integer models never pay for it. One instance per process or worker. */
export function openTfjs(): Promise<Tfjs> {
  opened ??= start();
  return opened;
}

async function start(): Promise<Tfjs> {
  const tf = await import('@tensorflow/tfjs-core');
  const reasons: string[] = [];
  for (const [name, module] of BACKENDS) {
    try {
      await import(module);
      if (await tf.setBackend(name)) return tf;
      reasons.push(`${name}: it did not start`);
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`tfjs has no backend here (${reasons.join('; ')})`);
}
