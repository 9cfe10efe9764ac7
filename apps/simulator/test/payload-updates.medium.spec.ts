// Updates by delta and compressed from end to end: payloads of libs/wire, the real firmware, bad networks and power cuts, in
// virtual time. The bundle is of many sectors, so that transfers have blocks to go on at.
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { compile, GraphBuilder, writeTflite, type Graph } from '@tinyfleet/compiler';
import { wasmUrl } from '@tinyfleet/firmware';
import { Runtime } from '@tinyfleet/runtime';
import { Random } from '@tinyfleet/sensors';
import { encodeCompressed, encodeDelta, type Hello, type State } from '@tinyfleet/wire';
import { Firmware } from '../src/device/firmware.js';
import { activeDigest } from '../src/device/running.js';
import { EPOCH_MS, LabFleet } from '../src/lab/lab-fleet.js';
import { GOOD_NETWORK, SLOW_NETWORK } from '../src/lab/lossy-link.js';
import { runUpdates } from '../src/lab/network-lab.js';
import { ScriptedPlatform, type Release } from '../src/lab/scripted-platform.js';
import { VirtualTime } from '../src/lab/virtual-time.js';

const target = { name: 'wasm', core: 'wasm', clockHz: 1e9, slotBytes: 131_072, arenaBytes: 65_536 };

/** 256 -> 96 -> 8: 25 KB of weights, `changed` of them (0..1) one off the first version's. */
function model(changed: number): Graph {
  const [weights, change] = [new Random(1), new Random(2)];
  const values = (n: number): Int8Array =>
    Int8Array.from({ length: n }, () => {
      const value = Math.round((weights.uniform() + weights.uniform() - 1) * 120);
      return change.uniform() < changed ? value + 1 : value;
    });
  const b = new GraphBuilder('dense');
  const x = b.input('x', [1, 256], { scale: 0.05, zeroPoint: 0 });
  const w1 = b.constant('w1', [96, 256], values(96 * 256), { scale: 0.01 });
  const h = b.fullyConnected(
    { input: x, filter: w1 },
    { name: 'h', activation: 'relu', scale: 0.1, zeroPoint: -128 },
  );
  const w2 = b.constant('w2', [8, 96], values(8 * 96), { scale: 0.01 });
  const y = b.fullyConnected({ input: h, filter: w2 }, { name: 'y', scale: 0.2, zeroPoint: 0 });
  return b.build([b.softmax(y, 'probabilities')]);
}

let from: Release;
let to: Release;
let byDelta: Release;
let byCompressed: Release;
beforeAll(async () => {
  const { abi } = await Runtime.open();
  const build = async (changed: number, sequence: number): Promise<Release> => {
    const source = { bytes: writeTflite(model(changed)), fileName: 'dense.tflite' };
    const { bundle } = await compile(source, { deviceType: target });
    return { bundle, sequence, abi: abi.major * 65_536 + abi.minor, opSet: Uint8Array.of() };
  };
  [from, to] = [await build(0, 2), await build(0.3, 4)];
  const blocks = { blockPayloadBytes: 1_024 };
  byDelta = {
    ...to,
    payload: {
      method: 'delta',
      bytes: encodeDelta(from.bundle, to.bundle, blocks),
      baseDigest: createHash('sha256').update(from.bundle).digest(),
    },
  };
  byCompressed = { ...to, payload: { method: 'compressed', bytes: encodeCompressed(to.bundle, blocks) } };
});

const release = (method: string) => (method === 'delta' ? byDelta : byCompressed);

describe('updates by delta and compressed', () => {
  it('should cost what their payloads have, and no more', () => {
    for (const method of ['delta', 'compressed']) {
      const to = release(method);
      const result = runUpdates({
        firmware: new Firmware(wasmUrl),
        from,
        to,
        devices: 5,
        limitS: 3_600,
        seed: 1,
      });
      expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
      expect(result.chunkRatio).toBeCloseTo(to.payload!.bytes.length / to.bundle.length, 5);
    }
    expect(byDelta.payload!.bytes.length).toBeLessThan(0.25 * to.bundle.length);
    expect(byCompressed.payload!.bytes.length).toBeLessThan(to.bundle.length);
  });

  it.each(['delta', 'compressed'])('should complete over a bad network, through reconnects: %s', (method) => {
    const network = { ...SLOW_NETWORK, loss: 0.05, resetMeanMs: 40_000, readBytes: 1 };
    const result = runUpdates({
      firmware: new Firmware(wasmUrl),
      from,
      to: release(method),
      devices: 20,
      limitS: 6 * 3_600,
      seed: 7,
      network,
      trouble: { lostChunks: 0.05, damagedChunks: 0.05, repeatedChunks: 0.05, lateChunks: 0.05 },
    });
    expect(result).toMatchObject({ succeeded: 1, mixtures: 0 });
    expect(result.resets).toBeGreaterThan(5);
  });

  it.each(['delta', 'compressed'])(
    'should run the old or the new model after a power cut anywhere, then finish: %s',
    (method) => {
      const wanted = release(method);
      let cuts = 0;
      let resumed = 0;
      for (let operations = 0; operations < 130; operations += 3) {
        const { lab, device, states, hellos } = world(wanted);
        device.device.flash.cut = { operations, part: 0.5 };
        lab.boot(device);
        const done = () => states.some((state) => state.updateState === 'active');
        lab.time.run(900_000, () => device.reboots.size > 1 || done());
        if (!done()) {
          cuts++;
          expect(lab.runsOneOf(device, [from, wanted])).toBe(true);
        }
        lab.time.run(3_600_000, done);
        expect(activeDigest(device.device)).toBe(digestOf(wanted.bundle));
        expect(lab.runsOneOf(device, [wanted])).toBe(true);
        expect(hellos[0]!.methods).toEqual(['full', 'compressed', 'delta']);
        resumed += states.some((state) => state.updateState === 'fetching' && (state.offset ?? 0) > 0)
          ? 1
          : 0;
        lab.dispose();
      }
      expect(cuts).toBeGreaterThan(30);
      // Behind a block, not from the start.
      expect(resumed).toBeGreaterThan(5);
    },
  );
});

describe('shadow runs in a simulated fleet', () => {
  it('should compare a fine-tuned bundle with the active one and change nothing', () => {
    const { lab, device, states, hellos, platform } = world(byDelta);
    platform.shadowEvery = 2;
    lab.boot(device);
    lab.time.run(4 * 3_600_000);
    const shadow = states.filter(({ updateState }) => updateState === 'shadow').at(-1)!.shadow!;
    expect(hellos[0]!.shadowStateBytes).toBe(1_024);
    expect(shadow.runs).toBeGreaterThan(400); // every second of 360 an hour
    expect(shadow.runs).toBeLessThanOrEqual(720);
    expect(shadow.agreed).toBeGreaterThan(shadow.runs / 4); // weights are one off, inputs are noise
    expect(shadow.agreed).toBeLessThan(shadow.runs);
    const matrix = new Uint16Array(new Uint8Array(shadow.disagreed!).buffer);
    expect(matrix.length).toBe(64);
    expect(matrix.reduce((sum, n) => sum + n, 0)).toBe(shadow.runs - shadow.agreed);
    expect(lab.runsOneOf(device, [from])).toBe(true);

    platform.shadowEvery = 0;
    lab.boot(device);
    lab.time.run(4 * 3_600_000 + 60_000);
    expect(lab.runsOneOf(device, [byDelta])).toBe(true);
    lab.dispose();
  });
});

const digestOf = (bundle: Uint8Array) => createHash('sha256').update(bundle).digest('hex');

function world(wanted: Release) {
  const time = new VirtualTime();
  const states: State[] = [];
  const hellos: Hello[] = [];
  class Platform extends ScriptedPlatform {
    protected override onState(_device: string, state: State): void {
      states.push(state);
    }
    protected override onHello(_device: string, hello: Hello): void {
      hellos.push(hello);
    }
  }
  const platform = new Platform('secret', () => EPOCH_MS + time.nowMs);
  platform.soakS = 0;
  platform.release = wanted;
  const lab = new LabFleet(new Firmware(wasmUrl), platform, { time, arenaBytes: 1 << 18, seed: 3 });
  const slotBytes = 4_096 * Math.ceil(wanted.bundle.length / 4_096);
  const geometry = {
    bytes: 4 * 4_096 + 2 * slotBytes,
    sectorBytes: 4_096,
    unitBytes: 8,
    erased: 0xff,
  } as const;
  const settings = { geometry, slotBytes, inferencePeriodUs: 10e6, windowS: 3_600 };
  const device = lab.add('d0', settings, GOOD_NETWORK, from);
  return { lab, device, states, hellos, platform };
}
