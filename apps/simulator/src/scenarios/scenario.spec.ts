// Scenario files: what they may say, and what they are told when they are wrong.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadScenario, parseScenario } from './scenario.js';
import { selectDevices, World } from './world.js';

const examples = path.join(import.meta.dirname, '../../scenarios');

function problemOf(text: string): { path: string; problem: string } {
  try {
    parseScenario(text, 'a.yaml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'simulator.scenario-invalid' });
    return (error as { data: { path: string; problem: string } }).data;
  }
  throw new Error('it was accepted');
}

describe('parseScenario', () => {
  it('should fill in defaults', () => {
    const scenario = parseScenario('name: a\nsensors: [{ kind: vibration }]', 'a.yaml');
    expect(scenario).toMatchObject({
      window: 10_000,
      inference: { period: 1_000 },
      labels: { share: 0.02 },
      events: [],
    });
    expect(scenario.sensors[0]).toMatchObject({ share: 1, mix: { normal: 0.55 }, episode: 1_200_000 });
  });

  it.each([
    ['name: a', 'sensors', 'Invalid input'],
    ['name: a\nsensors: [{ kind: radar }]', 'sensors[0].kind', 'Invalid'],
    ['name: a\nsensors: [{ kind: vibration, episode: 20 }]', 'sensors[0].episode', 'with a unit'],
    [
      'name: a\nsensors: [{ kind: vibration, episode: soon }]',
      'sensors[0].episode',
      '"soon" is not a duration',
    ],
    ['name: a\nsensors: [{ kind: noise }]\nlabels: { share: 120% }', 'labels.share', 'not a share'],
    ['name: a\nsensors: [{ kind: noise }]\nevents: [{ at: 1s, ouatge: { for: 1s } }]', 'events[0]', 'ouatge'],
    ['name: a\nsensors: [{ kind: noise }]\nevents: [{ at: 1s }]', 'events[0]', 'exactly one of'],
    [
      'name: a\nsensors: [{ kind: noise }]\nevents: [{ at: 1s, reboot: {}, outage: { for: 1s } }]',
      'events[0]',
      'exactly one of',
    ],
    ['name: a\nsensors: [{ kind: vibration, mix: { normal: 0 } }]', 'sensors[0].mix', 'above 0'],
    ['name: a\nsensors: [{ kind: noise }]\nclock: { mhz: 25 }', 'clock.cyclesPerStep', 'Invalid input'],
    ['name: a\nsensors: [{ kind: noise }]\nclock: { mhz: 0, cyclesPerStep: 1 }', 'clock.mhz', 'Too small'],
    [
      'name: a\nsensors: [{ kind: noise }]\nevents: [{ at: 0s, badModel: {} }]',
      'events[0].badModel',
      'resets or drains',
    ],
    [
      'name: a\nsensors: [{ kind: noise }]\nevents: [{ at: 0s, badModel: { bundle: kws, drain: 1% } }]',
      'events[0].badModel.bundle',
      'Invalid',
    ],
    ['name: a\nsensors: [{ kind: noise }]\nbattery: { start: 101% }', 'battery.start', 'not a share'],
    ['name: a\nsensors: [{ kind: recording, file: a.npy, axes: [0] }]', 'sensors[0].axes[0]', 'from 1 on'],
    [
      'name: a\nsensors: [{ kind: recording, file: a.npy, stuck: { share: 2, for: 1s } }]',
      'sensors[0].stuck.share',
      '',
    ],
    [
      'name: a\nsensors: [{ kind: noise }]\ninference: { period: 4294968ms }',
      'inference.period',
      'at most 4294967ms',
    ],
    ['name: [a\nb', 'line 2', ''],
    ['', 'name', 'Invalid input'],
  ])('should refuse %j and name the place', (text, where, problem) => {
    const found = problemOf(text);
    expect(found.path).toBe(where);
    expect(found.problem).toContain(problem);
  });

  it('should take the longest inference period that the firmware can count', () => {
    const text = 'name: a\nsensors: [{ kind: noise }]\ninference: { period: 4294967ms }';
    expect(parseScenario(text, 'a.yaml').inference.period).toBe(4_294_967);
  });

  it('should name the file that cannot be read', () => {
    expect(() => loadScenario('/nowhere/at-all.yaml')).toThrow(
      expect.objectContaining({ code: 'simulator.scenario-unreadable' }),
    );
  });

  it.each(readdirSync(examples))('should accept the committed example %s', (file) => {
    expect(loadScenario(path.join(examples, file)).scenario.name).toBe(file.replace('.yaml', ''));
  });
});

describe('a recording', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinyfleet-recording-'));
  writeFileSync(path.join(folder, 'a.csv'), '1,2,3\n4,5,6\n');
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['[2, -1, 3]', true],
    ['[2, -1]', false],
    ['[2, -1, 4]', false],
  ])('should be mounted by axes that its rows have: %s', (axes, isFine) => {
    const text = `name: a\nsensors: [{ kind: recording, file: a.csv }, { kind: recording, file: a.csv, axes: ${axes} }]`;
    const world = () => new World({ scenario: parseScenario(text, 'a.yaml'), folder });
    if (isFine) expect(world).not.toThrow();
    else expect(world).toThrow(expect.objectContaining({ code: 'simulator.recording-invalid' }));
  });
});

describe('selectDevices', () => {
  const devices = Array.from({ length: 50 }, (_, i) => ({ name: `demo-${String(i + 1).padStart(3, '0')}` }));

  it('should choose the same share every time, and another one for another event', () => {
    const [a, b, c] = [
      selectDevices(devices, 0.2, 1),
      selectDevices(devices, 0.2, 1),
      selectDevices(devices, 0.2, 2),
    ];
    expect(a).toHaveLength(10);
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it('should choose by number, by name and by pattern', () => {
    expect(selectDevices(devices, { count: 3 }, 1)).toHaveLength(3);
    expect(selectDevices(devices, { count: 300 }, 1)).toHaveLength(50);
    expect(selectDevices(devices, ['demo-007', 'demo-01*'], 1).map((d) => d.name)).toHaveLength(11);
    expect(selectDevices(devices, ['demo.007'], 1)).toHaveLength(0);
  });
});
