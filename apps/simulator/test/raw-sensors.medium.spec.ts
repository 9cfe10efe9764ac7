// Simulated devices with bundles that carry a front end: accelerometer and microphone, from raw counts to telemetry.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  compile, GraphBuilder, writeTflite, type CompileOptions, type Graph, type SensorContract,
} from '@tinyfleet/compiler'; // prettier-ignore
import { errorEntry } from '@tinyfleet/errors';
import { wasmUrl } from '@tinyfleet/firmware';
import { Runtime } from '@tinyfleet/runtime';
import { SOUND_CLASSES, VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { unpackHistogram, type Telemetry } from '@tinyfleet/wire';
import type { Observation, SimulatedDevice } from '../src/device/device.js';
import { Firmware } from '../src/device/firmware.js';
import { Fleet } from '../src/device/fleet.js';
import { parseScenario } from '../src/scenarios/scenario.js';
import { World } from '../src/scenarios/world.js';
import { PlatformPeer } from './platform-peer.js';

const deviceType = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 65_536, arenaBytes: 65_536 };
const geometry = {
  bytes: 2 * 4_096 + 2 * 65_536 + 8 * 4_096,
  sectorBytes: 4_096,
  unitBytes: 4,
  erased: 0xff,
} as const;
const STATE_BYTES = 8_192;

let peer: PlatformPeer;
let fleet: Fleet;
const observations: Observation[] = [];
beforeEach(async () => {
  peer = new PlatformPeer();
  observations.length = 0;
  fleet = new Fleet({
    firmware: new Firmware(wasmUrl),
    broker: await peer.listen(),
    arenaBytes: deviceType.arenaBytes,
    observe: (observation) => observations.push(observation),
  });
});
afterEach(async () => {
  fleet.dispose();
  await peer.close();
});

async function build(graph: Graph, options: Partial<CompileOptions>): Promise<Uint8Array> {
  const source = { bytes: writeTflite(graph), fileName: 'model.tflite' };
  return (await compile(source, { deviceType, goldenVectors: 1, ...options })).bundle;
}

function start(bundle: Uint8Array, hasFactory = true, inferencePeriodUs = 100_000): SimulatedDevice {
  const scenario = parseScenario('name: test\nsensors: [{ kind: vibration, episode: 2s }]', 'test');
  fleet.reserve(1, STATE_BYTES);
  const device = fleet.add({
    ...new World({ scenario, folder: '.' }).device('d0', 0.5),
    identity: { project: 'demo', name: 'd0', token: 'secret', type: 'wasm' },
    key: { algorithm: 1, bytes: peer.key.raw },
    geometry,
    slotBytes: deviceType.slotBytes,
    stateBytes: STATE_BYTES,
    inferencePeriodUs,
    windowS: 1,
    pickEvery: 2,
    seed: 1,
  });
  if (hasFactory) {
    const digest = createHash('sha256').update(bundle).digest();
    device.provision({ bundle, digest, sequence: 2, slotOffset: 2 * 4_096 });
  }
  fleet.scheduler.start();
  fleet.start(device);
  return device;
}

/** Of a whole second: a busy machine may take some away from any other. The first holds what came while it connected. */
const fullest = (): Telemetry =>
  peer.telemetry
    .slice(1)
    .map(({ window }) => window)
    .reduce((most, window) => (window.n > most.n ? window : most));

/** A linear classifier behind a softmax; `filter` is [classes, inputs]. */
function classifier(shape: readonly number[], inputScale: number, filter: readonly number[][]): Graph {
  const g = new GraphBuilder('classifier');
  const [classes, inputs] = [filter.length, filter[0]!.length];
  const weights = g.constant('w', [classes, inputs], Int8Array.from(filter.flat()), { scale: 1 / 64 });
  const bias = g.constant('b', [classes], new Int32Array(classes), { scale: inputScale / 64 });
  const x = g.reshape(g.input('x', shape, { scale: inputScale }), 'flat', [1, inputs]);
  const sums = g.fullyConnected({ input: x, filter: weights, bias }, { name: 'sums', scale: 1 / 8 });
  return g.build([g.softmax(sums, 'classes')]);
}

const ACCELEROMETER: Partial<SensorContract> = { sensor: 1, axes: 3, unit: 1 };
const stated = { ...ACCELEROMETER, fullScale: 16_000, sampleRateMilliHz: 800_000 };
const unitsPerCount = 16 / 32_767;
/** Each class looks at one axis' root mean square. */
const perAxis = classifier([1, 3], 1 / 32, [
  [64, 0, 0],
  [0, 64, 0],
  [0, 0, 64],
  [0, 0, 0],
]);
const features = {
  kind: 'statistics',
  frame: 64,
  features: ['rms'],
  unitsPerCount,
} as const;

describe('raw sensors of simulated devices', () => {
  it.each<[string, Graph, Partial<CompileOptions>]>([
    [
      'statistics of a stated sensor',
      perAxis,
      { frontEnd: features, sensor: stated, labels: VIBRATION_CLASSES },
    ],
    [
      'scaled counts of a sensor whose range and rate are not stated',
      classifier(
        [1, 16, 3],
        1 / 32,
        VIBRATION_CLASSES.map((_, c) => Array.from({ length: 48 }, (_, i) => (i % 4 === c ? 8 : 0))),
      ),
      { frontEnd: { kind: 'scale', unitsPerCount }, sensor: ACCELEROMETER, labels: VIBRATION_CLASSES },
    ],
  ])('should infer on the accelerometer and report windows: %s', async (_, graph, options) => {
    start(await build(graph, options));
    await peer.until(() => peer.telemetry.length >= 3 && fullest().n >= 7);
    expect(peer.hellos[0]!.hello.sensors).toEqual([
      { sensor: 'accelerometer', axes: 3, unit: 'g', fullScale: 16_000, sampleRateMhz: 800_000 },
      { sensor: 'microphone', axes: 1, unit: 'pcm', fullScale: 0, sampleRateMhz: 16_000_000 },
    ]);
    const window = fullest();
    expect(window.n).toBeLessThanOrEqual(13);
    expect(window.invalid ?? 0).toBe(0);
    expect(unpackHistogram(window.classes, 4 * 8).reduce((a, b) => a + b)).toBe(window.n);
    expect(observations.length).toBeGreaterThan(20);
    for (const { truth } of observations) expect(VIBRATION_CLASSES).toContain(truth);
  });

  it('should hear with the audio front end, and hear silence differently', async () => {
    // 10 rows of 40 bands; the class is 1 where the mean band is above that of a noise floor after PCAN.
    const graph = classifier([1, 400], 1, [Array<number>(400).fill(0), Array<number>(400).fill(1)]);
    start(await build(graph, { frontEnd: { kind: 'micro-speech', newRows: 5 }, labels: ['quiet', 'loud'] }));
    await peer.until(() => peer.telemetry.length >= 8 && new Set(observations.map((o) => o.truth)).size >= 3);
    await peer.until(() => fullest().n >= 7);
    const window = fullest();
    // Five rows are 100 ms of sound: a device cannot infer more often than it hears.
    expect(window.n).toBeLessThanOrEqual(11);
    expect(window.invalid ?? 0).toBe(0);
    for (const { truth } of observations) expect(SOUND_CLASSES).toContain(truth);
    expect(new Set(observations.map((o) => o.predicted)).size).toBe(2);
  });

  it('should bring a model that hears a second of sound through its soak at one inference a second', async () => {
    // The keyword spotters' input: 49 rows of 40 bands.
    const classes = [Array<number>(1_960).fill(0), Array<number>(1_960).fill(1)];
    const graph = classifier([1, 1_960], 1, classes);
    const bundle = await build(graph, { frontEnd: { kind: 'micro-speech' }, labels: ['quiet', 'loud'] });
    const { abi } = await Runtime.open();
    peer.release = { bundle, sequence: 2, abi: abi.major * 65_536 + abi.minor, opSet: Uint8Array.of() };
    start(bundle, false, 1_000_000);
    const ends = ['active', 'reverted', 'failed'];
    await peer.until(() => peer.states.some(({ state }) => ends.includes(state.updateState)));
    expect(peer.states.at(-1)!.state).toMatchObject({ updateState: 'active' });
    // Sound that came between two inferences was heard: the rows of one input follow each other.
    observations.length = 0;
    await peer.until(() => observations.length >= 4);
    const { window } = peer.telemetry.at(-1)!;
    expect(window.n).toBeLessThanOrEqual(2);
    expect(window.invalid ?? 0).toBe(0);
  });

  it.each<[string, Partial<SensorContract>]>([
    ['sensor.missing', { sensor: 2, axes: 3, unit: 2 }],
    ['sensor.axes-mismatch', { ...stated, axes: 1 }],
    ['sensor.unit-mismatch', { ...stated, unit: 0 }],
    ['sensor.full-scale-mismatch', { ...stated, fullScale: 2_000 }],
    ['sensor.rate-mismatch', { ...stated, sampleRateMilliHz: 400_000 }],
  ])('should refuse with %s a bundle for %j', async (code, sensor) => {
    const axes = sensor.axes!;
    const graph = classifier([1, axes], 1 / 32, [Array<number>(axes).fill(1), Array<number>(axes).fill(0)]);
    const bundle = await build(graph, { frontEnd: features, sensor, labels: ['a', 'b'] });
    const { abi } = await Runtime.open();
    peer.release = { bundle, sequence: 2, abi: abi.major * 65_536 + abi.minor, opSet: Uint8Array.of() };
    start(bundle, false);
    await peer.until(() => peer.states.some(({ state }) => (state.error ?? 0) !== 0));
    const { error } = peer.states.find(({ state }) => (state.error ?? 0) !== 0)!.state;
    expect(error).toBe(errorEntry(code as 'sensor.missing').number);
    expect(observations).toEqual([]);
  });
});
