// The file behind an ATmega328P under simavr: 32 KB of flash, then 1 KB of EEPROM, laid out as ports/avr/board.h says.
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32, deviceKey, slotState, updateState } from '@tinyfleet/wire';

export const AVR_SLOT_BYTES = 2_048;
export const AVR_PAGE_BYTES = 128;
const FLASH_BYTES = 32_768;
const EEPROM_BYTES = 1_024;
const IDENTITY_AT = 0x6d00;
const IDENTITY_BYTES = 256;
const SLOTS_AT = 0x6e00;
/** Of one record: generation, fleet_reduced_persist_t, CRC-32. */
const RECORD_BYTES = 136;
/** docs/spec/wire.md, Reduced profile. */
const NAME_LIMIT = 32;
const TYPE_LIMIT = 24;
const TOKEN_LIMIT = 64;

export interface AvrIdentity {
  readonly project: string;
  readonly device: string;
  readonly deviceType: string;
  readonly token: string;
  /** Default: made of the token. */
  readonly deviceKey?: Uint8Array;
  /** Between two inferences, whole seconds up to 65; default 1. */
  readonly periodS?: number;
}

/** The two pages that make a program a device. @throws RangeError what this class of device has no room for */
export function encodeIdentity(identity: AvrIdentity): Uint8Array {
  const { project, device, deviceType, token, periodS = 1 } = identity;
  const key = identity.deviceKey ?? deviceKey(token);
  const texts = [project, device, deviceType, token].map((text) => Buffer.from(text));
  const [a, b, type, secret] = texts.map((text) => text.length) as [number, number, number, number];
  if (a + b > NAME_LIMIT)
    throw new RangeError(`project and device have ${a + b} bytes together, at most ${NAME_LIMIT} fit`);
  if (type > TYPE_LIMIT) throw new RangeError(`the device type has ${type} bytes, at most ${TYPE_LIMIT} fit`);
  if (secret > TOKEN_LIMIT) throw new RangeError(`the token has ${secret} bytes, at most ${TOKEN_LIMIT} fit`);
  if (key.length !== 32) throw new RangeError(`the device key has ${key.length} bytes, not 32`);
  if (!Number.isInteger(periodS) || periodS < 1 || periodS > 65)
    throw new RangeError(`a period of ${periodS} s is not 1 to 65`);
  const page = Buffer.alloc(IDENTITY_BYTES, 0xff);
  page.set(Buffer.concat([Buffer.from([0x54, 0x46, 1, a, b, type, secret, periodS]), ...texts, key]));
  page.writeUInt32LE(crc32(page.subarray(0, IDENTITY_BYTES - 4)), IDENTITY_BYTES - 4);
  return page;
}

/** A new device: erased but for its identity, which is secret: readable by its owner only. */
export async function createAvrMemory(path: string, identity: AvrIdentity): Promise<void> {
  const memory = Buffer.alloc(FLASH_BYTES + EEPROM_BYTES, 0xff);
  memory.set(encodeIdentity(identity), IDENTITY_AT);
  await withFile(path, 'w', async (file) => {
    await file.chmod(0o600);
    await file.write(memory);
  });
}

/** Another identity; slots and EEPROM stay. The device must not be running. */
export async function writeAvrIdentity(path: string, identity: AvrIdentity): Promise<void> {
  const page = encodeIdentity(identity);
  await withFile(path, 'r+', (file) => file.write(page, 0, page.length, IDENTITY_AT));
}

export async function readAvrSlot(
  path: string,
  slot: number,
  bytes: number = AVR_SLOT_BYTES,
): Promise<Buffer> {
  return withFile(path, 'r', async (file) => {
    const data = Buffer.alloc(bytes);
    await file.read(data, 0, bytes, SLOTS_AT + slot * AVR_SLOT_BYTES);
    return data;
  });
}

/**
 * Factory image: slot 0 holds the bundle, active and committed as release `sequence`; the first boot checks it. What the EEPROM held is
 * gone. The device must not be running. The record is that of agent/reduced/src/records.c.
 */
export async function installAvrBundle(path: string, bundle: Uint8Array, sequence: number): Promise<void> {
  if (bundle.length > AVR_SLOT_BYTES)
    throw new RangeError(`the bundle has ${bundle.length} bytes, a slot ${AVR_SLOT_BYTES}`);
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt32LE(1, 0); // generation
  record.writeUInt32LE(sequence, 8); // highest accepted
  record.set(createHash('sha256').update(bundle).digest(), 32);
  record.writeUInt32LE(sequence, 64);
  record.writeUInt16LE(bundle.length, 68);
  record.set([slotState.active, slotState.empty, 0, 0, updateState.active], 124);
  record.writeUInt32LE(crc32(record.subarray(0, RECORD_BYTES - 4)), RECORD_BYTES - 4);
  const slot = Buffer.alloc(AVR_SLOT_BYTES, 0xff);
  slot.set(bundle);
  const eeprom = Buffer.alloc(EEPROM_BYTES, 0xff);
  eeprom.set(record);
  await withFile(path, 'r+', async (file) => {
    await file.write(slot, 0, slot.length, SLOTS_AT);
    await file.write(eeprom, 0, eeprom.length, FLASH_BYTES);
  });
}

async function withFile<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
