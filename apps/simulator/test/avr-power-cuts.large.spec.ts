// Real power cuts: SIGKILLs during updates of an ATmega328P under simavr, each followed by a boot on the same flash and EEPROM.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Random } from '@tinyfleet/sensors';
import { describeWith } from '@tinyfleet/testing';
import { AvrLab, avrRelease, type AvrLabDevice } from '../src/lab/avr-lab.js';
import { activeSlot, sha256 } from '../src/lab/qemu-lab.js';
import { unoModel } from './lab-models.js';

/** TINYFLEET_POWER_CUTS for more. */
const CUTS = Number(process.env['TINYFLEET_POWER_CUTS'] ?? 12);

describeWith(['avr-gcc', 'gcc', 'simavr'], 'power cuts on an ATmega328P', () => {
  let lab: AvrLab;
  let models: Uint8Array[];
  beforeAll(async () => {
    lab = await AvrLab.open();
    models = await Promise.all([1, 2].map((seed) => unoModel(seed)));
  }, 60_000);
  afterAll(() => lab.close());

  it(`should boot the old or the new model, whole, after each of ${CUTS} SIGKILLs during updates`, async () => {
    const device = await installed(await lab.device());
    const { platform, machine } = device;
    const random = new Random(7);
    const digests = models.map(sha256);
    let [old, next] = [0, 1];
    const booted = { old: 0, new: 0 };
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
    await device.install(avrRelease(models[model]!, 2));
    return device;
  }
});
