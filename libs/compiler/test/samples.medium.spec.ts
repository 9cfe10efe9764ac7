// Sample folders: a model by name, a configuration, and what the compiler makes of it as readable text. A refactor leaves
// them unchanged; TINYFLEET_UPDATE=1 rewrites them.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { compile, dumpGraph } from '../src/index.js';
import { writeTflite } from '../src/backends/tflite/write.js';
import { openSource } from '../src/driver/frontends.js';
import { runPasses } from '../src/passes/pass.js';
import { NO_PASSES, PASSES } from '../src/passes/table.js';
import { dumpPlan } from '../src/plan/dump.js';
import { makePlan } from '../src/plan/make-plan.js';
import { MODELS } from './models.js';

const samples = fileURLToPath(new URL('samples', import.meta.url));
const update = process.env['TINYFLEET_UPDATE'] === '1';
const target = { name: 'sample', core: 'wasm', clockHz: 100_000_000, slotBytes: 65_536, arenaBytes: 65_536 };

describe('samples', () => {
  for (const name of readdirSync(samples)) {
    it(`should compile ${name} as committed`, async () => {
      const folder = join(samples, name);
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { optimize: boolean };
      const model = join(folder, 'model.tflite');
      if (update && !existsSync(model)) writeFileSync(model, writeTflite(MODELS[name.split('.')[0]!]!()));
      const source = { bytes: readFileSync(model), fileName: 'model.tflite' };
      const { graph } = runPasses(openSource(source).graph, config.optimize ? PASSES : NO_PASSES, {
        diagnostics: [],
      });
      const { report } = await compile(source, { deviceType: target, ...config });
      const {
        flash,
        arenaBytes,
        arenaLowerBoundBytes,
        macs,
        goldenVectors,
        goldenDistinctOutputs,
        goldenCoverage,
      } = report;
      const summary = {
        flash,
        arenaBytes,
        arenaLowerBoundBytes,
        macs,
        goldenVectors,
        goldenDistinctOutputs,
        goldenCoverage,
      };
      const { bundleDigest } = report;
      same(folder, 'ir.txt', dumpGraph(graph));
      same(folder, 'plan.txt', dumpPlan(makePlan(graph, { sourceOrder: !config.optimize })));
      same(folder, 'report.json', `${JSON.stringify({ bundleDigest, ...summary }, null, 2)}\n`);
    });
  }
});

function same(folder: string, file: string, text: string): void {
  const path = join(folder, '_expected', file);
  if (update) {
    mkdirSync(join(folder, '_expected'), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
