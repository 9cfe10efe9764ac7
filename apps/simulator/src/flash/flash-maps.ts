// Memory-mapped flash: ONE read-only copy in linear memory per distinct content, shared by every device whose
// pages are equal to it. A device whose flash changes loses its share at once, so a flipped bit reaches its kernels.
import type { LinearMemory } from '../device/linear-memory.js';
import type { FlashImage } from './flash-image.js';

interface Copy {
  readonly key: string;
  readonly at: number;
  readonly bytes: number;
  users: number;
}

interface Mapping {
  readonly copy: Copy;
  generation: number;
}

/** The mappings of one device, by flash offset and length. */
export type DeviceMappings = Map<number, Mapping>;

export class FlashMaps {
  private readonly copies = new Map<string, Copy>();

  constructor(private readonly memory: LinearMemory) {}

  /** Distinct copies in linear memory. */
  get size(): number {
    return this.copies.size;
  }

  /** Address of n bytes equal to the image's from offset, or 0 when linear memory is exhausted. */
  map(image: FlashImage, mappings: DeviceMappings, offset: number, n: number): number {
    const slot = offset * 0x1_0000_0000 + n; // exact: flash is far below 2^21 bytes times 2^32
    const known = mappings.get(slot);
    if (known !== undefined && known.generation === image.generation) return known.copy.at;
    const key = image.contentKey(offset, n);
    if (known !== undefined) {
      if (known.copy.key === key) {
        known.generation = image.generation;
        return known.copy.at;
      }
      mappings.delete(slot);
      this.release(known.copy);
    }
    const copy = this.copies.get(key) ?? this.make(image, key, offset, n);
    if (copy === null) return 0;
    copy.users++;
    mappings.set(slot, { copy, generation: image.generation });
    return copy.at;
  }

  /** Gives all mappings of a device back. */
  releaseAll(mappings: DeviceMappings): void {
    for (const { copy } of mappings.values()) this.release(copy);
    mappings.clear();
  }

  private make(image: FlashImage, key: string, offset: number, n: number): Copy | null {
    const at = this.memory.allocate(n);
    if (at === 0) return null;
    image.read(offset, this.memory.u8.subarray(at, at + n));
    const copy = { key, at, bytes: n, users: 0 };
    this.copies.set(key, copy);
    return copy;
  }

  private release(copy: Copy): void {
    if (--copy.users > 0) return;
    this.copies.delete(copy.key);
    this.memory.free(copy.at, copy.bytes);
  }
}
