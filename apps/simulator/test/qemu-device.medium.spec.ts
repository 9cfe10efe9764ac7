// tinyfleet-device on QEMU's boards against the scripted platform: it boots from its flash file, says hello over the modem,
// installs, and comes back after resets, faults, hangs and lost calls.
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Runtime } from '@tinyfleet/runtime';
import { describeWith, eventually } from '@tinyfleet/testing';
import { QemuLab, activeSlot, sha256, type LabDevice } from '../src/lab/qemu-lab.js';
import { labModel } from './lab-models.js';

const QUICK = { 'backoff-ms': 20 } as const;

let bundles: Uint8Array[];
let lab: QemuLab;

beforeAll(async () => {
  bundles = await Promise.all([labModel(1), labModel(2), labModel(1, 2)]);
});
beforeEach(async () => {
  lab = await QemuLab.open();
});
afterEach(() => lab.close());

function offer(device: LabDevice, model: number): void {
  device.platform.release = {
    bundle: bundles[model]!,
    sequence: 2 + 2 * model,
    abi: 0x1_0000,
    opSet: Uint8Array.of(),
  };
}

/** A window of the model has come. */
const runs = ({ platform }: LabDevice, model: number) =>
  platform.until(`telemetry of model ${model}`, () =>
    platform.since('telemetry').find(({ build }) => startsWith(bundles[model]!, build)),
  );
const startsWith = (bundle: Uint8Array, prefix: Uint8Array) =>
  sha256(bundle).startsWith(Buffer.from(prefix).toString('hex'));
const lastHello = ({ platform }: LabDevice) => platform.since('hello').at(-1)!;

describeWith(['qemu-system-arm', 'arm-none-eabi-gcc'], 'a device on QEMU', () => {
  it.each(['m3', 'm4', 'm7'] as const)(
    'should install, update and run in place on %s',
    async (core) => {
      const device = await lab.device({ core });
      device.machine.powerOn(QUICK);
      for (const model of [0, 1]) {
        offer(device, model);
        device.machine.modem.dropCall(); // a new session says hello and is told of the release
        await runs(device, model);
        expect(sha256(await device.slot(model, bundles[model]!.length))).toBe(sha256(bundles[model]!));
      }
      expect(device.platform.since('hello')[0]).toMatchObject({
        resetCause: 'power-on',
        deviceType: `qemu-${core}`,
      });
      expect(device.platform.since('state').map(({ updateState }) => updateState)).toEqual(
        expect.arrayContaining(['fetching', 'trial', 'soak', 'active']),
      );
      expect(device.platform.since('line').filter((line) => line.startsWith('verified'))).toHaveLength(2);
      const { stackBytes = 0 } = device.platform.since('telemetry').at(-1)!;
      expect(stackBytes).toBeGreaterThan(1_000);
      expect(stackBytes).toBeLessThan(8_192);
    },
    60_000,
  );

  it('should find its model again after the power was gone', async () => {
    const device = await lab.device({ core: 'm4' });
    offer(device, 0);
    device.machine.powerOn(QUICK);
    await runs(device, 0);
    await device.machine.powerOff();
    const from = device.platform.log.length;
    device.machine.powerOn(QUICK);
    const hello = await device.platform.until('hello', () => device.platform.since('hello', from)[0]);
    expect(activeSlot(hello)).toMatchObject({ number: 0, digest: sha256(bundles[0]!) });
  }, 60_000);

  it.each([
    ['fault', { fault: 3 }, 'fault'],
    ['hang', { hang: 3, 'watchdog-ms': 1_500 }, 'watchdog'],
  ] as const)(
    'should reset after a %s and say why',
    async (_what, knobs, cause) => {
      const device = await lab.device({ core: 'm4' });
      offer(device, 0);
      device.machine.powerOn({ ...QUICK, ...knobs });
      await device.platform.until('second hello', () => device.platform.since('hello')[1]);
      expect(device.platform.since('hello')[1]).toMatchObject({ resetCause: cause });
      expect(device.machine.isOn).toBe(true);
    },
    60_000,
  );

  it('should run a model in the shadow of another, and give away an input it was asked for', async () => {
    const device = await lab.device({ core: 'm4' });
    offer(device, 0);
    device.machine.powerOn(QUICK);
    await runs(device, 0);
    await device.platform.until('the end of the soak', () =>
      device.platform.since('state').find(({ updateState }) => updateState === 'active'),
    );
    offer(device, 2);
    device.platform.shadowEvery = 2;
    device.ask({ counter: 1, command: 'send-samples', argument: 1 });
    device.machine.modem.dropCall();
    const { shadow, deployment } = await device.platform.until('the counters of a shadow run', () =>
      device.platform.since('state').find((state) => (state.shadow?.runs ?? 0) >= 10),
    );
    const { runs: compared, agreed, disagreed } = shadow!;
    expect(deployment).toBe(6 + 5);
    const matrix = new Uint16Array(Uint8Array.from(disagreed!).buffer);
    expect(matrix).toHaveLength(16);
    expect(matrix.reduce((sum, n) => sum + n, 0)).toBe(compared - agreed);
    expect(agreed).toBeLessThan(compared); // they have nothing in common
    // Nothing acts on it: the first model's windows go on, the second's bytes stand in the other slot.
    expect(device.platform.since('state').at(-1)).toMatchObject({ updateState: 'shadow' });
    const from = device.platform.log.length;
    await device.platform.until('another window', () => device.platform.since('telemetry', from)[0]);
    expect(startsWith(bundles[0]!, device.platform.since('telemetry', from)[0]!.build)).toBe(true);
    expect(sha256(await device.slot(1, bundles[2]!.length))).toBe(sha256(bundles[2]!));

    const sample = await device.platform.until('a sample', () => device.platform.since('sample')[0]);
    expect(sample).toMatchObject({ ask: 1, offset: 0, bytes: 192, encoding: 'int8' });
    expect(startsWith(bundles[0]!, sample.build)).toBe(true);
    // It is the input of that inference: the same model gives the same answer for it here.
    const model = (await Runtime.open()).load(bundles[0]!);
    const output = new Int8Array(model.run([sample.data])[0]!.slice().buffer);
    const best = Math.max(...output);
    expect({ predicted: sample.predicted, confidence: sample.confidence }).toEqual({
      predicted: output.indexOf(best),
      confidence: best + 128,
    });
    await device.machine.powerOff();
  }, 60_000);

  it('should notice that its call is over and dial again', async () => {
    const device = await lab.device({ core: 'm4' });
    device.machine.powerOn(QUICK);
    await device.platform.until('hello', () => device.platform.since('hello')[0]);
    device.machine.modem.hasCoverage = false;
    device.machine.modem.dropCall();
    await eventually(async () => expect(device.machine.modem.traffic.failures).toBeGreaterThan(2));
    device.machine.modem.hasCoverage = true;
    await device.platform.until('second hello', () => device.platform.since('hello')[1]);
    expect(lastHello(device).counters).toMatchObject({ 9: 1 });
  }, 60_000);
});
