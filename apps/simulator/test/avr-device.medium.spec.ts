// An ATmega328P with 2 KB of RAM under simavr: the reduced agent as it is on the chip, against the scripted platform.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import { Random } from '@tinyfleet/sensors';
import { AvrLab, avrRelease, type AvrLabDevice } from '../src/lab/avr-lab.js';
import { activeSlot, sha256 } from '../src/lab/qemu-lab.js';
import { unoModel } from './lab-models.js';

/** TINYFLEET_POWER_CUTS for more. */
const CUTS = Number(process.env['TINYFLEET_POWER_CUTS'] ?? 10);

describeWith(['avr-gcc', 'gcc', 'simavr'], 'reduced agent on an ATmega328P', () => {
  let lab: AvrLab;
  let models: Uint8Array[];
  beforeAll(async () => {
    lab = await AvrLab.open();
    models = await Promise.all([1, 2].map((seed) => unoModel(seed)));
  }, 60_000);
  afterAll(() => lab.close());

  it('should say hello, install a model, prove it, run it and tell what it saw', async () => {
    const device = await lab.device();
    const { platform, machine } = device;
    machine.powerOn();
    const hello = await platform.until('hello', () => platform.since('hello').at(-1), 15_000);
    expect(hello).toMatchObject({
      deviceType: 'arduino-uno',
      algorithms: ['hmac-sha256'],
      slotBytes: 2_048,
      arenaBytes: 128,
      maxPacketBytes: 464,
    });
    await machine.powerOff();
    platform.release = avrRelease(models[0]!, 2);
    machine.powerOn();
    const active = await platform.until(
      'active',
      () => platform.since('state').find(({ updateState }) => updateState === 'active'),
      20_000,
    );
    expect(active.error).toBeUndefined();
    expect(sha256(await device.slot(0, models[0]!.length))).toBe(sha256(models[0]!));
    const window = await platform.until('telemetry', () => platform.since('telemetry').at(-1), 15_000);
    expect(Buffer.from(window.build).equals(Buffer.from(sha256(models[0]!), 'hex').subarray(0, 8))).toBe(
      true,
    );
    expect(window.n).toBeGreaterThan(0);
    // What is free below the stack: 2,048 bytes less what is placed (build.mjs refuses a program that leaves less).
    expect(window.stackBytes).toBeLessThan(600);
  }, 60_000);

  it('should refuse manifests for another device and replayed ones, and keep its model', async () => {
    const device = await installed(await lab.device());
    const { platform, machine } = device;
    const refusal = async (error: number) => {
      const from = platform.log.length;
      await machine.powerOff();
      machine.powerOn();
      const state = await platform.until('refusal', () => platform.since('state', from).at(-1), 15_000);
      expect(state).toMatchObject({ updateState: 'failed', error });
      expect(activeSlot(platform.since('hello', from).at(-1)!)?.digest).toBe(sha256(models[0]!));
    };
    platform.release = avrRelease(models[1]!, 4);
    platform.manifestFor = 'demo/uno-99';
    await refusal(205);
    platform.manifestFor = undefined;
    platform.release = avrRelease(models[1]!, 1);
    await refusal(212);
  }, 60_000);

  it(`should boot the old or the new model, whole, after each of ${CUTS} SIGKILLs during updates`, async () => {
    const device = await installed(await lab.device());
    const { platform, machine } = device;
    const random = new Random(7);
    const digests = models.map(sha256);
    let [old, next, booted] = [0, 1, { old: 0, new: 0 }];
    for (let cut = 0, sequence = 4; cut < CUTS; cut++) {
      await machine.powerOff();
      platform.release = avrRelease(models[next]!, sequence);
      machine.powerOn();
      // Most of an update lies between the hello and a second and a half behind it.
      const asked = platform.log.length;
      await platform.until('hello', () => platform.since('hello', asked).at(-1), 15_000);
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 2_000)));
      await machine.powerOff();
      platform.release = null; // the device shows what it has, and goes on with nothing
      const from = platform.log.length;
      machine.powerOn();
      const hello = await platform.until('hello', () => platform.since('hello', from).at(-1), 15_000);
      const active = activeSlot(hello);
      expect([digests[old], digests[next]]).toContain(active?.digest);
      expect(sha256(await device.slot(active!.number, active!.bytes))).toBe(active!.digest);
      // What it runs is what it says: windows name the bundle.
      const window = await platform.until('window', () => platform.since('telemetry', from).at(-1), 15_000);
      expect(Buffer.from(window.build).toString('hex')).toBe(active!.digest.slice(0, 16));
      if (active!.digest === digests[old]) {
        booted.old++;
        continue;
      }
      booted.new++;
      sequence += 2;
      [old, next] = [next, 1 - next];
    }
    expect(booted.old + booted.new).toBe(CUTS);
    await machine.powerOff();
    platform.release = avrRelease(models[next]!, 1_000);
    await installed(device, next);
  }, 240_000);

  async function installed(device: AvrLabDevice, model = 0): Promise<AvrLabDevice> {
    const { platform, machine } = device;
    const from = platform.log.length;
    platform.release ??= avrRelease(models[model]!, 2);
    machine.powerOn();
    await platform.until(
      'active',
      () => platform.since('state', from).find(({ updateState }) => updateState === 'active'),
      20_000,
    );
    expect(platform.since('line').filter((line) => line.startsWith('crash'))).toEqual([]);
    return device;
  }
});
