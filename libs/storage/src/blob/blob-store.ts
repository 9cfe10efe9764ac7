/**
 * Blobs under their SHA-256. The store knows nothing of projects: who may read a digest is decided by a row that
 * names it. `BlobStore` is the port; the directory is its first implementation (an S3 one passes the same suite).
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { UnnamedBlob } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { directoryError } from '../data-dir.js';

/** Between the clocks of the database and of the files. */
const clockSlackMs = 1_000;

export interface StoredBlob {
  /** 64 lower-case hexadecimal digits. */
  readonly digest: string;
  readonly bytes: number;
}

export interface BlobStore {
  /** Streams to the end, or to `limitBytes` + 1. @throws storage.blob-too-large, storage.disk-full */
  put(content: AsyncIterable<Uint8Array> | Uint8Array, limitBytes: number): Promise<StoredBlob>;
  /** @throws storage.blob-missing */
  read(digest: string): Promise<Buffer>;
  /** `length` bytes from `offset`, fewer at the end. @throws storage.blob-missing */
  readRange(digest: string, offset: number, length: number): Promise<Buffer>;
  stream(digest: string): Promise<Readable>;
  has(digest: string): Promise<boolean>;
  /**
   * Bytes that were put again since they were named stay: their next name is on its way. What is given up meanwhile then takes
   * room that nobody names.
   */
  remove(blob: UnnamedBlob): Promise<void>;
}

export class DirectoryBlobStore implements BlobStore {
  constructor(private readonly root: string) {}

  async put(content: AsyncIterable<Uint8Array> | Uint8Array, limitBytes: number): Promise<StoredBlob> {
    const hash = createHash('sha256');
    const temporary = join(this.root, `.incoming-${randomUUID()}`);
    let bytes = 0;
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        const parts = content instanceof Uint8Array ? [content] : content;
        for await (const part of parts) {
          bytes += part.length;
          if (bytes > limitBytes) throw new FleetError('storage.blob-too-large', { limitBytes });
          hash.update(part);
          await file.writeFile(part);
        }
        // The row that names it is committed afterwards: the bytes have to be on disk first.
        await file.sync();
      } finally {
        await file.close();
      }
      const digest = hash.digest('hex');
      const path = this.path(digest);
      await mkdir(join(this.root, digest.slice(0, 2)), { recursive: true, mode: 0o700 });
      await rename(temporary, path);
      return { digest, bytes };
    } catch (error) {
      await rm(temporary, { force: true });
      if (error instanceof FleetError || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
      throw directoryError(this.root, error);
    }
  }

  async read(digest: string): Promise<Buffer> {
    try {
      return await readFile(this.path(digest));
    } catch (error) {
      throw missing(error, digest);
    }
  }

  async readRange(digest: string, offset: number, length: number): Promise<Buffer> {
    try {
      const file = await open(this.path(digest), 'r');
      try {
        const buffer = Buffer.allocUnsafe(length);
        const { bytesRead } = await file.read(buffer, 0, length, offset);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw missing(error, digest);
    }
  }

  async stream(digest: string): Promise<Readable> {
    if (!(await this.has(digest))) throw new FleetError('storage.blob-missing', { digest });
    return createReadStream(this.path(digest));
  }

  async has(digest: string): Promise<boolean> {
    return await stat(this.path(digest)).then(
      () => true,
      () => false,
    );
  }

  async remove({ digest, namedAt }: UnnamedBlob): Promise<void> {
    const path = this.path(digest);
    // Looked at where no put can reach it: bytes that are put from now on are another file.
    const aside = join(this.root, `.outgoing-${randomUUID()}`);
    try {
      await rename(path, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    const { mtimeMs } = await stat(aside);
    if (mtimeMs > namedAt.getTime() + clockSlackMs)
      await link(aside, path).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
    await rm(aside);
  }

  /** Two levels keep directories small. The digest is checked, so that no path can leave the root. */
  private path(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new TypeError('not a SHA-256 digest');
    return join(this.root, digest.slice(0, 2), digest);
  }
}

function missing(error: unknown, digest: string): unknown {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
    ? new FleetError('storage.blob-missing', { digest }, { cause: error })
    : error;
}
