/** Name and version of an image from what is at hand: its file name, and the header of an MCUboot image. */
import { VERSION_PATTERN } from '@tinyfleet/contracts';
import { proposeName } from '../models/propose-name.js';

/** `struct image_header` of MCUboot, little-endian. */
const MCUBOOT_MAGIC = 0x96f3b83d;
const VERSION_AT = 20;
export const HEAD_BYTES = 32;

export interface Proposal {
  readonly name: string;
  /** Empty: nothing says it. */
  readonly version: string;
}

/** "Gateway-v1.2.0.signed.bin" -> gateway, 1.2.0. What the image itself says of its version goes first. */
export function proposeFirmware(fileName: string, head: Uint8Array): Proposal {
  const [found, digits = ''] = /[-_ .]?v?(\d+\.\d+\.\d+)/i.exec(fileName) ?? [];
  const bare = found === undefined ? fileName : fileName.slice(0, fileName.indexOf(found));
  const name = proposeName(bare === '' ? 'firmware' : bare) || 'firmware';
  const version = mcubootVersion(head) ?? digits;
  return { name, version: VERSION_PATTERN.test(version) ? version : '' };
}

function mcubootVersion(head: Uint8Array): string | undefined {
  if (head.length < HEAD_BYTES) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0, true) !== MCUBOOT_MAGIC) return undefined;
  const [major, minor] = [view.getUint8(VERSION_AT), view.getUint8(VERSION_AT + 1)];
  return `${major}.${minor}.${view.getUint16(VERSION_AT + 2, true)}`;
}
