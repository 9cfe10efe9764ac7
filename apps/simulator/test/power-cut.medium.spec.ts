// A bounded part of the power-cut sweep, the same in every run, and the proof that the sweep finds what it is there to find.
// All of it runs in power-cut.long.spec.ts.
import { beforeAll, describe, expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import { runSweep } from '../src/power-cut/sweep.js';
import { buildAll, PLANTED_BUGS, type PlantedBug } from '../src/power-cut/planted-bugs.js';
import { documentedEdges } from './update-states.js';

const BUDGET = 7_500;

describe('power cuts', () => {
  it('should leave the old model or the new one, and complete what was begun', () => {
    const result = runSweep({ budget: BUDGET });
    expect(result.failures).toEqual([]);
    expect(result.cases).toBeGreaterThan(BUDGET / 2);
    const documented = documentedEdges();
    expect(Object.keys(result.edges).filter((edge) => !documented.includes(edge))).toEqual([]);
    expect(Object.keys(result.operationKinds).sort()).toEqual(
      [
        'erase record',
        'erase ring',
        'erase slot',
        'program record',
        'program ring',
        'program slot',
        'read',
      ].sort(),
    );
  });
});

describeWith(['clang', 'wasm-ld'], 'the power-cut sweep', () => {
  let images = new Map<PlantedBug | null, Uint8Array>();
  beforeAll(async () => {
    images = await buildAll();
  });

  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('should find that %s', (_, bug) => {
    const { failures } = runSweep({
      firmware: images.get(bug)!,
      units: [8],
      erased: [0xff],
      budget: 8_000,
      maxFailures: 1,
    });
    expect(failures).toHaveLength(1);
  });
});
