// An ATmega328P with 2 KB of RAM under simavr: the reduced agent as it is on the chip, against the scripted platform.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import { AvrLab, avrRelease, type AvrLabDevice } from '../src/lab/avr-lab.js';
import { activeSlot, sha256 } from '../src/lab/qemu-lab.js';
import { unoModel } from './lab-models.js';

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

  async function installed(device: AvrLabDevice, model = 0): Promise<AvrLabDevice> {
    await device.install(avrRelease(models[model]!, 2));
    return device;
  }
});
