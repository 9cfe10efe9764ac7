/** Bundles being served, by digest, least recently used out first; with the encoded chunks of the usual size. */
import { crc32, digestPrefix, encode } from '@tinyfleet/wire';

export interface BlobReader {
  read(digest: string): Promise<Buffer>;
}

export class CachedBlob {
  private readonly encoded = new Map<number, Buffer>();
  private readonly prefix: Uint8Array;

  constructor(
    digest: Buffer,
    readonly bytes: Buffer,
  ) {
    this.prefix = digestPrefix(digest);
  }

  /** As many payloads as follow each other in at most `maxBytes`, at least one; none past the end. */
  chunks(
    offset: number,
    of: { readonly length: number; readonly count: number; readonly maxBytes: number },
  ): Buffer[] {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (let i = 0; i < of.count; i++) {
      const payload = this.chunk(offset + i * of.length, of.length);
      if (!payload) break;
      bytes += payload.length;
      if (i > 0 && bytes > of.maxBytes) break;
      chunks.push(payload);
    }
    return chunks;
  }

  /** Payload of `down/chunk`; undefined past the end. Chunks are kept per offset: a fleet asks for the same ones. */
  chunk(offset: number, length: number): Buffer | undefined {
    if (offset >= this.bytes.length) return undefined;
    const key = offset * 8_192 + length;
    let payload = this.encoded.get(key);
    if (!payload) {
      const data = this.bytes.subarray(offset, Math.min(offset + length, this.bytes.length));
      payload = Buffer.from(encode('chunk', { transfer: this.prefix, offset, data, crc32: crc32(data) }));
      // Odd offsets come from devices with odd sectors; a stranger's must not fill memory.
      if (this.encoded.size < 4 + this.bytes.length / 256) this.encoded.set(key, payload);
    }
    return payload;
  }
}
export class BlobCache {
  private readonly blobs = new Map<string, CachedBlob>();
  private readonly reading = new Map<string, Promise<CachedBlob>>();
  private held = 0;

  constructor(
    private readonly reader: BlobReader,
    private readonly maxBytes: number,
  ) {}

  async get(digest: Buffer): Promise<CachedBlob> {
    const key = digest.toString('hex');
    const cached = this.blobs.get(key);
    if (cached) {
      this.blobs.delete(key);
      this.blobs.set(key, cached);
      return cached;
    }
    const already = this.reading.get(key);
    if (already) return await already;
    const reading = this.reader.read(key).then((bytes) => this.keep(key, new CachedBlob(digest, bytes)));
    this.reading.set(key, reading);
    try {
      return await reading;
    } finally {
      this.reading.delete(key);
    }
  }

  private keep(key: string, blob: CachedBlob): CachedBlob {
    this.blobs.set(key, blob);
    // Chunks double the bytes.
    this.held += 2 * blob.bytes.length;
    for (const [oldest, { bytes }] of this.blobs) {
      if (this.held <= this.maxBytes || oldest === key) break;
      this.blobs.delete(oldest);
      this.held -= 2 * bytes.length;
    }
    return blob;
  }
}
