// The file behind a QEMU device's memory: parameter block, the agent's flash, and the probe that says in which flash operation
// the device was. The layout is that of ports/cortex-m/agent/device.c.
import { open, type FileHandle } from 'node:fs/promises';

/** What QEMU maps: the whole PSRAM of the board. */
export const FLASH_FILE_BYTES = 16 * 1024 * 1024;
/** The parameter block has this much at the start of the file; the agent's flash follows. */
export const FLASH_FILE_AGENT_AT = 16_384;
const PROBE_BYTES = 64;

export interface FlashFileLayout {
  /** docs/spec/device.md. */
  readonly parameterBlock: Uint8Array;
  /** Of the agent's flash. */
  readonly bytes: number;
  /** Value of an erased byte. */
  readonly erased: number;
}

/** A new device's file: parameters, and erased flash. The parameters are secret: readable by its owner only. */
export async function createFlashFile(path: string, layout: FlashFileLayout): Promise<void> {
  const { parameterBlock, bytes, erased } = layout;
  if (
    parameterBlock.length > FLASH_FILE_AGENT_AT ||
    FLASH_FILE_AGENT_AT + bytes > FLASH_FILE_BYTES - PROBE_BYTES
  )
    throw new RangeError(`a flash of ${bytes} bytes does not fit the board`);
  await withFile(path, 'w', async (file) => {
    await file.chmod(0o600);
    await file.truncate(FLASH_FILE_BYTES);
    const head = Buffer.alloc(FLASH_FILE_AGENT_AT, 0xff);
    head.set(parameterBlock);
    await file.write(head, 0, head.length, 0);
    const megabyte = Buffer.alloc(1 << 20, erased);
    for (let at = 0; at < bytes; at += megabyte.length)
      await file.write(megabyte, 0, Math.min(megabyte.length, bytes - at), FLASH_FILE_AGENT_AT + at);
  });
}

/** New parameters; the agent's flash stays. The device must not be running. */
export async function writeParameterSector(path: string, parameterBlock: Uint8Array): Promise<void> {
  await writeFlash(path, -FLASH_FILE_AGENT_AT, parameterBlock);
}

/** Bytes of the agent's flash; `offset` as the device counts it. The device may be running. */
export async function readFlash(path: string, offset: number, bytes: number): Promise<Buffer> {
  return withFile(path, 'r', async (file) => {
    const data = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(data, 0, bytes, FLASH_FILE_AGENT_AT + offset);
    return data.subarray(0, bytesRead);
  });
}

/** Flips or sets bytes, as rot or a factory would. The device must not be running. */
export async function writeFlash(path: string, offset: number, data: Uint8Array): Promise<void> {
  await withFile(path, 'r+', (file) => file.write(data, 0, data.length, FLASH_FILE_AGENT_AT + offset));
}

export interface FlashProbe {
  /** The operation the device was in when it was looked at, or died. */
  readonly operation: 'none' | 'program' | 'erase';
  /** What it was about to touch. */
  readonly offset: number;
  /** Since the file was made. */
  readonly operations: number;
}

export async function readProbe(path: string): Promise<FlashProbe> {
  return withFile(path, 'r', async (file) => {
    const words = Buffer.alloc(12);
    await file.read(words, 0, words.length, FLASH_FILE_BYTES - PROBE_BYTES);
    const operation = (['none', 'program', 'erase'] as const)[words.readUInt32LE(0)] ?? 'none';
    return { operation, offset: words.readUInt32LE(4), operations: words.readUInt32LE(8) };
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
