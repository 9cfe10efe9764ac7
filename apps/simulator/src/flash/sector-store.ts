// Content-addressed flash sectors shared by all devices of a process: a fleet that holds one bundle holds its
// bytes once. Sectors here are frozen by convention; a device that writes makes its own copy first.
import { createHash } from 'node:crypto';

/** A shared, never written sector. `id` names its content. */
export interface SharedSector {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export class SectorStore {
  private readonly sectors = new Map<string, WeakRef<SharedSector>>();

  /** The shared sector with these bytes; takes ownership of `bytes` when they are new. */
  intern(bytes: Uint8Array): SharedSector {
    const id = createHash('sha256').update(bytes).digest('base64');
    const known = this.sectors.get(id)?.deref();
    if (known !== undefined) return known;
    const sector = { id, bytes };
    // Weak: a bundle no device holds any more goes with its last image.
    this.sectors.set(id, new WeakRef(sector));
    if (this.sectors.size > 4_096) this.sweep();
    return sector;
  }

  /** Distinct sectors alive. */
  get size(): number {
    this.sweep();
    return this.sectors.size;
  }

  private sweep(): void {
    for (const [id, ref] of this.sectors) if (ref.deref() === undefined) this.sectors.delete(id);
  }
}
