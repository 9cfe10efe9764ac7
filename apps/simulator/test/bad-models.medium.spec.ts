// Real bundles that are bad in the field: wrong in one layer, faulting, hanging. The self-test or the attempt record brings the old
// model back, and the digest is refused until it is issued again. Models that are slow are tested in C (update_test.c): a
// simulated device has no cycle counter.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { compile } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { readBundle, Runtime } from '@tinyfleet/runtime';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { ResetCause, type SimulatedDevice } from '../src/device/device.js';
import { Firmware, InfoWord } from '../src/device/firmware.js';
import { Fleet, type DeviceReport } from '../src/device/fleet.js';
import { parseScenario } from '../src/scenarios/scenario.js';
import { World } from '../src/scenarios/world.js';
import { PlatformPeer, type Release } from './platform-peer.js';

const models = path.join(import.meta.dirname, '../../../tools/demo-model/models');
const target = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 131_072, arenaBytes: 65_536 };
const geometry = { bytes: 2 * 4_096 + 2 * 131_072 + 16 * 4_096, sectorBytes: 4_096, unitBytes: 4, erased: 0xff } as const; // prettier-ignore
/** docs/spec/bundle.md: the header holds the SHA-256 of what follows its 48th byte. */
const DIGEST_AT = 16;
const COVERED_FROM = 48;

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

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

/** One weight is another one, and all digests are right: what a broken build, not a broken transfer, would give. */
function withWrongWeight(release: Release): Release {
  const bundle = Uint8Array.from(release.bundle);
  expect(Buffer.from(bundle.subarray(DIGEST_AT, COVERED_FROM))).toEqual(
    sha256(bundle.subarray(COVERED_FROM)),
  );
  bundle[readBundle(bundle).sections.constants!.offset]! ^= 0x40;
  bundle.set(sha256(bundle.subarray(COVERED_FROM)), DIGEST_AT);
  return { ...release, bundle };
}

let peer: PlatformPeer;
let fleet: Fleet;
let reports: DeviceReport[];
beforeEach(async () => {
  peer = new PlatformPeer();
  reports = [];
  fleet = new Fleet({
    firmware: new Firmware(wasmUrl),
    broker: await peer.listen(),
    arenaBytes: target.arenaBytes,
    observe: () => undefined,
    report: (report) => reports.push(report),
  });
});
afterEach(async () => {
  fleet.dispose();
  await peer.close();
});

/** A device that runs v1 from the factory; `more` of its scenario. */
function startDevice(more = ''): SimulatedDevice {
  const scenario = parseScenario(`name: test\nsensors: [{ kind: vibration, episode: 2s }]\n${more}`, 'test');
  const world = new World({ scenario, folder: '.' });
  fleet.reserve(1, 1_024);
  const { sensor, fallback, raw } = world.device('d0', 0.5);
  const device = fleet.add({
    identity: { project: 'demo', name: 'd0', token: 'secret', type: 'wasm' },
    key: { algorithm: 1, bytes: peer.key.raw },
    geometry,
    slotBytes: target.slotBytes,
    stateBytes: 1_024,
    inferencePeriodUs: 50_000,
    windowS: 1,
    pickEvery: 2,
    ...(scenario.clock === undefined ? {} : { clock: scenario.clock }),
    sensor,
    fallback,
    raw,
    seed: 1,
  });
  const image = {
    bundle: v1.bundle,
    digest: sha256(v1.bundle),
    sequence: v1.sequence,
    slotOffset: 2 * 4_096,
  };
  device.provision(image);
  fleet.scheduler.start();
  fleet.start(device);
  return device;
}

const runs = (device: SimulatedDevice, release: Release): boolean =>
  Buffer.from(
    new Uint8Array(device.info().slice(InfoWord.activeDigest, InfoWord.activeDigest + 8).buffer),
  ).equals(sha256(release.bundle));

/** Lets it connect again, and be told the release again. */
function reboot(device: SimulatedDevice, cause: number = ResetCause.software): void {
  device.rebootCause = cause;
  fleet.scheduler.wake(device);
}

const statesOf = (release: Release, from = 0) =>
  peer.states
    .slice(from)
    .map(({ state }) => state)
    .filter(({ digest }) => digest !== undefined && sha256(release.bundle).equals(digest));

/**
 * It was given up: offered again, after a reboot, the device says so without fetching a byte (a new deployment of the same manifest:
 * update_test.c), and under a new sequence it is fetched again.
 */
async function refusedUntilReissued(device: SimulatedDevice, bad: Release): Promise<void> {
  expect(runs(device, v1)).toBe(true);
  const [sent, told] = [peer.chunksSent, peer.states.length];
  reboot(device);
  await peer.until(() => statesOf(bad, told).some(({ updateState }) => updateState === 'reverted'));
  expect(peer.chunksSent).toBe(sent);
  expect(runs(device, v1)).toBe(true);
  peer.release = { ...bad, sequence: bad.sequence + 2 };
  reboot(device);
  const again = (): boolean => statesOf(bad, told).some(({ updateState }) => updateState === 'trial');
  await peer.until(again);
}

describe('bad models', () => {
  it('should reject a bundle that is wrong in one layer, and say in which step', async () => {
    const bad = withWrongWeight(v2);
    peer.release = bad;
    const device = startDevice();
    await peer.until(() => statesOf(bad).some(({ updateState }) => updateState === 'reverted'));
    const { error, selfTest } = statesOf(bad).find(({ updateState }) => updateState === 'reverted')!;
    expect(error).toBe(503); // runtime.step-mismatch
    expect(selfTest).toMatchObject({ passed: false, failedStep: expect.any(Number) });
    expect(peer.states.some(({ state }) => state.updateState === 'soak')).toBe(false);
    await refusedUntilReissued(device, bad);
  }, 60_000);

  it('should revert a bundle that runs slower than its release allows, and take it within the bound', async () => {
    const stepUs = 2_000;
    const latencyUs = stepUs * (await Runtime.open()).load(v2.bundle).stepCount;
    peer.latencyUs = latencyUs - 1;
    peer.release = v2;
    const device = startDevice('clock: { mhz: 25, cyclesPerStep: 50000 }');
    await peer.until(() => statesOf(v2).some(({ updateState }) => updateState === 'reverted'));
    expect(statesOf(v2).find(({ updateState }) => updateState === 'reverted')).toMatchObject({
      error: 504, // runtime.latency-exceeded
      selfTest: { passed: false, latencyUs },
    });
    expect(peer.hellos[0]!.hello.capabilities & 1).toBe(1); // latency-measured
    await refusedUntilReissued(device, v2);
    await peer.until(() => statesOf(v2).filter(({ updateState }) => updateState === 'reverted').length >= 3);
    peer.latencyUs = latencyUs;
    peer.release = { ...v2, sequence: v2.sequence + 4 };
    reboot(device);
    await peer.until(() => runs(device, v2));
    // Its windows tell the same: 25 cycles a microsecond.
    await peer.until(() => peer.telemetry.at(-1)?.window.cyclesMean === 25 * latencyUs);
  }, 60_000);

  // A fault is a trap inside the inference; a hang ends by the watchdog, which is fed between plan steps only.
  it.each(['fault', 'watchdog'] as const)(
    'should revert a bundle whose inferences end in a %s',
    async (cause) => {
      peer.release = v2;
      peer.soakS = 3_600;
      const device = startDevice();
      const { result } = device;
      let cured = false;
      device.result = function bad(this: SimulatedDevice, ...args) {
        result.apply(this, args);
        if (cured || !runs(this, v2)) return;
        if (cause === 'fault') throw new WebAssembly.RuntimeError('unreachable');
        reboot(this, ResetCause.watchdog);
      };
      await peer.until(() => statesOf(v2).some(({ updateState }) => updateState === 'reverted'), 30_000);
      expect(statesOf(v2).find(({ updateState }) => updateState === 'reverted')).toMatchObject({
        error: 702, // agent.trial-resets
        attempts: 3,
      });
      const resets = reports.filter((r) => r.event === 'reboot' && r.cause === ResetCause[cause]);
      expect(resets).toHaveLength(3);
      cured = true;
      await refusedUntilReissued(device, v2);
      await peer.until(() => runs(device, v2));
    },
    60_000,
  );

  it('should outlive any number of faults in one process', () => {
    const device = startDevice();
    fleet.scheduler.remove(device);
    const { entropy } = device;
    device.entropy = () => {
      throw new WebAssembly.RuntimeError('unreachable');
    };
    for (let i = 0; i < 5_000; i++)
      expect(() => device.boot(ResetCause.fault)).toThrow(WebAssembly.RuntimeError);
    device.entropy = entropy;
    device.boot(ResetCause.powerOn);
    expect(runs(device, v1)).toBe(true);
  });
});
