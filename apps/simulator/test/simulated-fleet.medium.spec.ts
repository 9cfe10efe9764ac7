// Simulated devices with the real firmware over real sockets: install over the air, outages, reboots, rotten flash
// and history, against a small peer that plays the platform.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { compile } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { readBundle, Runtime } from '@tinyfleet/runtime';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { bootIdToHex, unpackHistogram, unpackPicks, type Telemetry } from '@tinyfleet/wire';
import { ResetCause, type Observation, type SimulatedDevice } from '../src/device/device.js';
import { Firmware, InfoWord } from '../src/device/firmware.js';
import { Fleet, type DeviceReport } from '../src/device/fleet.js';
import { makeHistory } from '../src/history/history.js';
import { parseScenario } from '../src/scenarios/scenario.js';
import { World } from '../src/scenarios/world.js';
import { PlatformPeer, type Release } from './platform-peer.js';

const models = path.join(import.meta.dirname, '../../../tools/demo-model/models');
const target = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 131_072, arenaBytes: 65_536 };
const geometry = {
  bytes: 2 * 4_096 + 2 * 131_072 + 16 * 4_096,
  sectorBytes: 4_096,
  unitBytes: 4,
  erased: 0xff,
} as const;
const SLOT_0 = 2 * 4_096;
/** wire.cddl sensor. */
const MICROPHONE = 3;

let v1: Release;
let v2: Release;
beforeAll(async () => {
  const runtime = await Runtime.open();
  const build = async (version: string, sequence: number): Promise<Release> => {
    const fileName = `vibration-${version}.tflite`;
    const bytes = new Uint8Array(readFileSync(path.join(models, fileName)));
    const { bundle } = await compile({ bytes, fileName }, { deviceType: target, labels: VIBRATION_CLASSES });
    return { bundle, sequence, abi: runtime.abi.major * 65_536 + runtime.abi.minor, opSet: Uint8Array.of() };
  };
  [v1, v2] = [await build('v1', 2), await build('v2', 4)];
});

let peer: PlatformPeer;
let fleet: Fleet;
const observations: Observation[] = [];
const reports: DeviceReport[] = [];

beforeEach(async () => {
  peer = new PlatformPeer();
  observations.length = reports.length = 0;
  fleet = new Fleet({
    firmware: new Firmware(wasmUrl),
    broker: await peer.listen(),
    arenaBytes: target.arenaBytes,
    observe: (observation) => observations.push(observation),
    report: (report) => reports.push(report),
  });
});
afterEach(async () => {
  fleet.dispose();
  await peer.close();
});

interface MakeOptions {
  readonly token?: string;
  readonly factory?: Release | null;
  readonly inferencePeriodUs?: number;
  readonly windowS?: number;
}

function make(count: number, options: MakeOptions = {}): SimulatedDevice[] {
  const { factory = v1, token = 'secret', inferencePeriodUs = 50_000, windowS = 1 } = options;
  const scenario = parseScenario('name: test\nsensors: [{ kind: vibration, episode: 2s }]', 'test');
  const world = new World({ scenario, folder: '.' });
  fleet.reserve(count, 1_024);
  return Array.from({ length: count }, (_, i) => {
    const name = `d${i}`;
    const { sensor, fallback, raw } = world.device(name, (i + 0.5) / count);
    const device = fleet.add({
      identity: { project: 'demo', name, token, type: 'wasm' },
      key: { algorithm: 1, bytes: peer.key.raw },
      geometry,
      slotBytes: target.slotBytes,
      stateBytes: 1_024,
      inferencePeriodUs,
      windowS,
      pickEvery: 2,
      sensor,
      fallback,
      raw,
      seed: i + 1,
    });
    if (factory !== null) {
      const digest = createHash('sha256').update(factory.bundle).digest();
      device.provision({ bundle: factory.bundle, digest, sequence: factory.sequence, slotOffset: SLOT_0 });
    }
    return device;
  });
}

function start(devices: readonly SimulatedDevice[]): void {
  fleet.scheduler.start();
  for (const device of devices) fleet.start(device);
}

const digestOf = (release: Release) => createHash('sha256').update(release.bundle).digest('hex');
const activeDigest = (device: SimulatedDevice) =>
  Buffer.from(
    new Uint8Array(device.info().slice(InfoWord.activeDigest, InfoWord.activeDigest + 8).buffer),
  ).toString('hex');
const runs = (release: Release) => (device: SimulatedDevice) => activeDigest(device) === digestOf(release);
/** Windows of a device; one that was sent again because its acknowledgement got lost counts once, as on the server. */
const windowsOf = (name: string): Telemetry[] => {
  const own = peer.telemetry.filter(({ device }) => device === name).map(({ window }) => window);
  return [...new Map(own.map((window) => [`${window.bootId} ${window.sequence}`, window])).values()];
};

describe('simulated devices', () => {
  it('should come up from a factory image, say hello and report what they saw', async () => {
    const devices = make(3);
    start(devices);
    await peer.until(() => devices.every((device) => windowsOf(device.name).length >= 2));
    expect(peer.hellos).toHaveLength(3);
    expect(peer.hellos[0]!.hello.slots[0]).toMatchObject({ state: 'active', releaseSequence: 2 });
    expect(Buffer.from(peer.hellos[0]!.hello.slots[0]!.digest).toString('hex')).toBe(digestOf(v1));
    const window = windowsOf('d0')[1]!;
    const counts = unpackHistogram(window.classes, 4 * 8);
    expect(counts.reduce((a, b) => a + b)).toBe(window.n);
    expect(window.n).toBeGreaterThanOrEqual(15);
    expect(window.n).toBeLessThanOrEqual(25);
    // All devices run from one copy of the bundle in linear memory.
    expect(fleet.maps.size).toBe(1);
  });

  it('should install a release over the air: fetch, verify, trial, soak, active', async () => {
    const devices = make(5);
    peer.release = v2;
    start(devices);
    await peer.until(() => devices.every(runs(v2)), 60_000);
    await peer.until(() =>
      devices.every((d) => peer.states.some((s) => s.device === d.name && s.state.updateState === 'active')),
    );
    const story = peer.states.filter(({ device }) => device === 'd0').map(({ state }) => state.updateState);
    for (const step of ['fetching', 'trial', 'active'] as const) expect(story).toContain(step);
    const test = peer.states.find(({ device, state }) => device === 'd0' && state.selfTest !== undefined)!
      .state.selfTest!;
    expect(test).toMatchObject({ passed: true });
    expect(peer.states.every(({ state }) => state.error === undefined || state.error === 0)).toBe(true);
    // And it runs the new model: windows carry its digest.
    await peer.until(() =>
      windowsOf('d0').some((w) => Buffer.from(w.build).toString('hex') === digestOf(v2).slice(0, 16)),
    );
  });

  it('should take its first model over the air when it comes empty', async () => {
    const devices = make(2, { factory: null });
    peer.release = v1;
    start(devices);
    await peer.until(() => devices.every(runs(v1)), 60_000);
    await peer.until(() => devices.every((device) => windowsOf(device.name).length >= 1));
  });

  it('should resume a transfer whose chunks get lost or damaged', async () => {
    const [device] = make(1) as [SimulatedDevice];
    peer.release = v2;
    const trouble = ['lost', 'damaged'];
    peer.tamper = (data, offset) => {
      if (offset === 0 || trouble.length === 0) return data;
      if (trouble.shift() === 'lost') return null;
      data[3]! ^= 1;
      return data;
    };
    start([device]);
    await peer.until(() => runs(v2)(device), 25_000);
    expect(peer.chunksSent).toBeGreaterThan(Math.ceil(v2.bundle.length / 1_024));
  });

  it('should refuse a release signed by another key', async () => {
    const devices = make(1);
    const stranger = new PlatformPeer();
    (peer as { key: PlatformPeer['key'] }).key = stranger.key;
    peer.release = v2;
    start(devices);
    await peer.until(() => peer.states.some(({ state }) => (state.error ?? 0) !== 0));
    expect(Math.floor(peer.states.find(({ state }) => (state.error ?? 0) !== 0)!.state.error! / 100)).toBe(2);
    expect(runs(v1)(devices[0]!)).toBe(true);
    expect(peer.chunksSent).toBe(0);
  });

  it('should know the truth of every prediction that the device keeps', async () => {
    const devices = make(2);
    start(devices);
    await peer.until(() => devices.every((device) => windowsOf(device.name).length >= 3));
    let compared = 0;
    for (const { device, window } of peer.telemetry) {
      for (const pick of unpackPicks(window.picks ?? Uint8Array.of(), window.n)) {
        const index = window.firstIndex! + pick.offset;
        const seen = observations.find((o) => o.device === device && o.index === index)!;
        expect(seen.bootId).toBe(bootIdToHex(window.bootId));
        expect(seen.predicted).toBe(pick.predicted);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(20);
    const right = observations.filter((o) => VIBRATION_CLASSES[o.predicted] === o.truth).length;
    expect(right / observations.length).toBeGreaterThan(0.6);
  });

  it('should keep windows over an outage and deliver all of them after it', async () => {
    const [device] = make(1) as [SimulatedDevice];
    start([device]);
    await peer.until(() => windowsOf('d0').length >= 1);
    device.socket.setOutage(true);
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    const before = windowsOf('d0').length;
    device.socket.setOutage(false);
    await peer.until(() => windowsOf('d0').length >= before + 4, 60_000);
    expect(peer.connections).toBeGreaterThanOrEqual(2);
    const starts = windowsOf('d0').map((w) => w.firstIndex!);
    // No inference of the boot is missing from the windows, and none is told twice.
    const ordered = [...windowsOf('d0')].sort((a, b) => a.startMs - b.startMs);
    expect(new Set(starts).size).toBe(starts.length);
    for (let i = 1; i < ordered.length; i++) {
      expect(ordered[i]!.firstIndex).toBe(ordered[i - 1]!.firstIndex! + ordered[i - 1]!.n);
    }
  });

  it('should come back after a reboot with a new boot and the cause', async () => {
    const [device] = make(1) as [SimulatedDevice];
    start([device]);
    await peer.until(() => windowsOf('d0').length >= 1);
    device.rebootCause = ResetCause.watchdog;
    fleet.scheduler.wake(device);
    await peer.until(() => peer.hellos.length >= 2);
    const [first, second] = peer.hellos.map(({ hello }) => hello);
    expect(second!.resetCause).toBe('watchdog');
    expect(second!.bootId >> 32n).toBe((first!.bootId >> 32n) + 1n);
    expect(runs(v1)(device)).toBe(true);
  });

  it('should run one of two complete models after a power cut at any flash operation of an update', async () => {
    const devices = make(24);
    peer.release = v2;
    devices.forEach((device, i) => (device.flash.cut = { operations: i, part: (i % 4) / 4 }));
    start(devices);
    await peer.until(() => devices.every(runs(v2)), 25_000);
    expect(reports.filter((report) => report.event === 'reboot').length).toBeGreaterThanOrEqual(10);
    expect(devices.every((device) => device.flash.stats.breaches === 0)).toBe(true);
    expect(devices.every((device) => device.traps === 0)).toBe(true);
  });

  it('should let a flipped bit of one device reach its kernels and no other device', async () => {
    const devices = make(3);
    start(devices);
    await peer.until(() => devices.every((device) => windowsOf(device.name).length >= 1));
    const at = devices[1]!.info()[InfoWord.slotOffset0]!;
    const shared = fleet.maps.map(devices[0]!.flash, devices[0]!.mappings, at, v1.bundle.length);
    // The weights: somewhere in the middle of the bundle.
    devices[1]!.flash.flipBit(at + Math.floor(v1.bundle.length / 2), 7);
    const own = fleet.maps.map(devices[1]!.flash, devices[1]!.mappings, at, v1.bundle.length);
    expect(own).not.toBe(shared);
    const memory = fleet.firmware.memory.u8;
    const differing = Array.from({ length: v1.bundle.length }, (_, i) => i).filter(
      (i) => memory[own + i] !== memory[shared + i],
    );
    expect(differing).toEqual([Math.floor(v1.bundle.length / 2)]);
    expect(fleet.maps.map(devices[2]!.flash, devices[2]!.mappings, at, v1.bundle.length)).toBe(shared);
    devices[1]!.flash.flipBit(at + Math.floor(v1.bundle.length / 2), 7); // and back
    // One more bit: the second-highest of a class's bias in the last layer. That class now wins always, on this device.
    const view = readBundle(v1.bundle);
    const bias = view.steps.find(({ op }) => op === 'FULLY_CONNECTED')!.inputs[2]!;
    const biasAt = view.sections.constants!.offset + bias.offset;
    const values = new DataView(v1.bundle.buffer, v1.bundle.byteOffset);
    const winner = VIBRATION_CLASSES.findIndex((_, i) => values.getInt32(biasAt + 4 * i, true) >= 0);
    devices[1]!.flash.flipBit(at + biasAt + 4 * winner + 3, 6);
    const predictedBy = (name: string) =>
      observations.filter((o) => o.device === name).map((o) => o.predicted);
    observations.length = 0;
    await peer.until(() => predictedBy('d1').length >= 2); // one may have begun with the bit as it was
    observations.length = 0;
    await peer.until(() => devices.every(({ name }) => predictedBy(name).length >= 80));
    expect(new Set(predictedBy('d1'))).toEqual(new Set([winner]));
    for (const name of ['d0', 'd2']) {
      const own = observations.filter((o) => o.device === name);
      const right = own.filter((o) => VIBRATION_CLASSES[o.predicted] === o.truth).length;
      expect(right / own.length).toBeGreaterThan(0.5);
    }
    // The next boot notices the rot: the digest of the slot no longer holds.
    devices[1]!.rebootCause = ResetCause.powerOn;
    fleet.scheduler.wake(devices[1]!);
    await peer.until(() => peer.hellos.filter(({ device }) => device === 'd1').length >= 2);
    await peer.until(
      () =>
        !runs(v1)(devices[1]!) ||
        peer.states.some(({ device, state }) => device === 'd1' && (state.error ?? 0) !== 0),
    );
    expect(runs(v1)(devices[0]!)).toBe(true);
  });

  it('should make two days of past in one boot and deliver them when it connects', async () => {
    const devices = make(2, { windowS: 3_600, inferencePeriodUs: 100_000 });
    peer.windowS = 1;
    fleet.scheduler.start();
    await makeHistory(fleet, devices, { days: 2, periodMs: 60_000 });
    const past = observations.filter((observation) => observation.past);
    expect(Math.abs(past.length - 2 * 2 * 1_440)).toBeLessThan(10);
    // Its microphone goes on where the past ended, which is up to two minutes behind the wall clock.
    const samples = fleet.firmware.memory.allocate(320);
    for (const device of devices) expect(device.sample(MICROPHONE, samples, 160)).toBe(160);
    await peer.until(() => devices.every((device) => windowsOf(device.name).length >= 49), 60_000);
    const hello = peer.hellos.find(({ device }) => device === 'd0')!.hello;
    expect(hello.uptimeMs).toBeGreaterThanOrEqual(2 * 86_400_000 - 3_700_000);
    const hours = windowsOf('d0').filter((window) => window.n === 60);
    expect(hours.length).toBeGreaterThanOrEqual(46);
    expect(new Set(windowsOf('d0').map((window) => window.bootId)).size).toBe(1);
    // Afterwards it lives on with the window it is told.
    await peer.until(() => windowsOf('d0').some((window) => window.lengthMs <= 1_200), 60_000);
  });

  it('should keep a device out whose token is wrong, without a storm of connects', async () => {
    const devices = make(1, { token: 'wrong' });
    start(devices);
    await peer.until(() => peer.connections >= 1, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(peer.hellos).toHaveLength(0);
    expect(peer.connections).toBeLessThanOrEqual(5);
  });
});
