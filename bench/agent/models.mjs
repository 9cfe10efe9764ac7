// The bundles that updates are measured with: the demo model's versions, which need no shared data.
import { readFileSync } from 'node:fs';
import { compile } from '@tinyfleet/compiler';
import { Runtime } from '@tinyfleet/runtime';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';

const MODELS = new URL('../../tools/demo-model/models/', import.meta.url);
const TARGET = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 1 << 20, arenaBytes: 1 << 18 };

/** @param {string} version v1, v2 or v3 @param {number} sequence of its manifest */
export async function demoRelease(version, sequence) {
  const { abi } = await Runtime.open();
  const fileName = `vibration-${version}.tflite`;
  const bytes = readFileSync(new URL(fileName, MODELS));
  const { bundle } = await compile({ bytes, fileName }, { deviceType: TARGET, labels: VIBRATION_CLASSES });
  return { bundle, sequence, abi: abi.major * 65_536 + abi.minor, opSet: new Uint8Array() };
}
