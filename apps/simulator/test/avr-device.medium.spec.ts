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

  const started = async (): Promise<AvrLabDevice> => {
    const device = await lab.device();
    device.machine.powerOn();
    return device;
  };

  it('should say hello, install a model, prove it, run it and tell what it saw', async () => {
    const { platform, machine, slot } = await started().then((device) => ({
      ...device,
      slot: device.slot.bind(device),
    }));
    const [hello] = await platform.until('hello', () => {
      const hellos = platform.since('hello');
      return hellos.length > 0 ? hellos : undefined;
    }, 15_000);
    expect(hello).toMatchObject({ deviceType: 'arduino-uno', algorithms: ['hmac-sha256'], slotBytes: 2_048 });
    platform.soakS = 2;
    platform.release = avrRelease(models[0]!, 2);
    await machine.powerOff();
    machine.powerOn();
    await platform.until('active', () =>
      platform.since('state').find(({ updateState }) => updateState === 'active'),
      20_000);
    expect(sha256(await slot(0, models[0]!.length))).toBe(sha256(models[0]!));
    const window = await platform.until('telemetry', () => platform.since('telemetry').at(-1), 20_000);
    expect(window.n).toBeGreaterThan(0);
    process.stdout.write(JSON.stringify(window, (_k, v) => (typeof v === 'bigint' ? String(v) : v)) + platform.describe());
  }, 60_000);
});
void activeSlot;
