/** What a device runs in truth: read from its firmware and its flash, not from what it reports. */
import type { SimulatedDevice } from './device.js';
import { InfoWord } from './firmware.js';

const NO_SLOT = 0xffff_ffff;

/** SHA-256 of the bundle that runs, hex; null without one. */
export function activeDigest(device: SimulatedDevice): string | null {
  const info = device.info();
  if (info[InfoWord.activeSlot] === NO_SLOT) return null;
  const words = info.slice(InfoWord.activeDigest, InfoWord.activeDigest + 8);
  return Buffer.from(words.buffer, words.byteOffset, 32).toString('hex');
}

/** The first bytes of the active slot; null without one. */
export function activeBytes(device: SimulatedDevice, length: number): Uint8Array | null {
  const info = device.info();
  const slot = info[InfoWord.activeSlot]!;
  if (slot === NO_SLOT) return null;
  const held = new Uint8Array(length);
  device.flash.read(info[InfoWord.slotOffset0 + slot]!, held);
  return held;
}
