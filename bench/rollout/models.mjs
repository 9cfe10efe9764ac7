// The keyword model, and what it becomes when its last layer is trained again: one release to send whole, one as a delta.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const shared =
  process.env.TINYFLEET_SHARED_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));
export const keywordModel = join(shared, 'mlperf_tiny/kws_ref_model.tflite');
export const hasKeywordModel = () => existsSync(keywordModel);

/** @param {string} folder @returns the file of the tuned model */
export async function writeTunedModel(folder) {
  const { compile, tfliteModel } = await import('../../libs/compiler/dist/index.js');
  const { tuneLastLayer } = await import('../../tools/demo-model/dist/index.js');
  const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
  const { graph } = await compile(
    { bytes: readFileSync(keywordModel), fileName: 'kws.tflite' },
    { deviceType, model: 'kws', version: '1.0.0' },
  );
  const file = join(folder, 'kws-tuned.tflite');
  writeFileSync(file, tfliteModel({ graph: tuneLastLayer(graph) }));
  return file;
}
