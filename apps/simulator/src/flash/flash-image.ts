// One device's NOR flash outside linear memory: erased, shared or private sectors, with NOR's rules enforced
// (program whole erased units only, erase whole sectors) and power cuts that tear the operation they hit.
import type { SectorStore, SharedSector } from './sector-store.js';

export interface FlashGeometry {
  readonly bytes: number;
  readonly sectorBytes: number;
  readonly unitBytes: number;
  readonly erased: 0xff | 0x00;
}

/** Results as the platform contract has them: 0, or negative. */
export const FLASH_OK = 0;
export const FLASH_FAILED = -1;

type Sector = null | SharedSector | Uint8Array; // erased | shared | private

export interface PowerCut {
  /** Flash operations that still succeed before the one that tears. */
  operations: number;
  /** Part of the torn operation's bytes that take effect, 0..1. */
  readonly part: number;
}

export class FlashImage {
  private readonly sectors: Sector[];
  /** Rises with every change; a mapping made at one generation is valid while it stands. */
  generation = 0;
  /** When set, counts down program and erase operations and then kills the flash until `restorePower`. */
  cut: PowerCut | null = null;
  private dead = false;
  /** `programs` and `erased` count operations, `programmed` bytes. */
  readonly stats = { programs: 0, programmed: 0, erased: 0, breaches: 0 };
  /** Erases of each sector since this image was made. */
  readonly wear: Uint32Array;

  constructor(
    readonly geometry: FlashGeometry,
    private readonly store: SectorStore,
    /** What it starts with, shared sector by sector; all erased without. */
    base?: readonly (SharedSector | null)[],
  ) {
    const count = geometry.bytes / geometry.sectorBytes;
    if (!Number.isInteger(count))
      throw new RangeError(`flash of ${geometry.bytes} bytes is not whole sectors`);
    this.wear = new Uint32Array(count);
    this.sectors = base === undefined ? new Array<Sector>(count).fill(null) : [...base];
  }

  /** True after a power cut tore an operation: the device must be rebooted. */
  get powerLost(): boolean {
    return this.dead;
  }

  /** A cut that has struck is over; one that still waits for its operation stays. */
  restorePower(): void {
    if (!this.dead) return;
    this.dead = false;
    this.cut = null;
  }

  read(offset: number, into: Uint8Array): number {
    const { bytes, sectorBytes, erased } = this.geometry;
    if (offset < 0 || offset + into.length > bytes) return FLASH_FAILED;
    for (let done = 0; done < into.length;) {
      const at = offset + done;
      const inSector = at % sectorBytes;
      const n = Math.min(sectorBytes - inSector, into.length - done);
      const sector = this.sectors[Math.floor(at / sectorBytes)] as Sector;
      if (sector === null) into.fill(erased, done, done + n);
      else into.set(contents(sector).subarray(inSector, inSector + n), done);
      done += n;
    }
    return FLASH_OK;
  }

  /** Programs whole units that are erased; anything else is a breach of NOR's rules and fails. */
  program(offset: number, data: Uint8Array): number {
    const { bytes, sectorBytes, unitBytes, erased } = this.geometry;
    if (this.dead) return FLASH_FAILED;
    if (
      offset < 0 ||
      offset + data.length > bytes ||
      offset % unitBytes !== 0 ||
      data.length % unitBytes !== 0
    ) {
      this.stats.breaches++;
      return FLASH_FAILED;
    }
    const effective = this.tear(data.length);
    for (let done = 0; done < effective;) {
      const at = offset + done;
      const inSector = at % sectorBytes;
      const n = Math.min(sectorBytes - inSector, effective - done);
      const target = this.privateSector(Math.floor(at / sectorBytes));
      for (let i = 0; i < n; i++) {
        if (target[inSector + i] !== erased) {
          this.stats.breaches++;
          return FLASH_FAILED;
        }
      }
      target.set(data.subarray(done, done + n), inSector);
      done += n;
    }
    this.generation++;
    this.stats.programs++;
    this.stats.programmed += effective;
    return this.powerLost ? FLASH_FAILED : FLASH_OK;
  }

  /** Erases the sector that starts at `offset`. A torn erase leaves its rest as it was. */
  erase(offset: number): number {
    const { bytes, sectorBytes, erased } = this.geometry;
    if (this.dead) return FLASH_FAILED;
    if (offset < 0 || offset >= bytes || offset % sectorBytes !== 0) {
      this.stats.breaches++;
      return FLASH_FAILED;
    }
    const effective = this.tear(sectorBytes);
    const index = offset / sectorBytes;
    if (effective === sectorBytes) this.sectors[index] = null;
    else this.privateSector(index).fill(erased, 0, effective);
    this.generation++;
    this.wear[index]!++;
    this.stats.erased++;
    return this.powerLost ? FLASH_FAILED : FLASH_OK;
  }

  /** Flips one bit behind the firmware's back, as a failing cell does. */
  flipBit(offset: number, bit: number): void {
    this.privateSector(Math.floor(offset / this.geometry.sectorBytes))[offset % this.geometry.sectorBytes]! ^=
      1 << bit;
    this.generation++;
  }

  /** Name of the content of [offset, offset + n): equal names mean equal bytes. Shares the sectors it covers. */
  contentKey(offset: number, n: number): string {
    const { sectorBytes } = this.geometry;
    const ids: string[] = [`${offset % sectorBytes}+${n}`];
    for (let i = Math.floor(offset / sectorBytes); i * sectorBytes < offset + n; i++)
      ids.push(this.share(i)?.id ?? '-');
    return ids.join(' ');
  }

  /** Bytes held by this device alone. */
  get privateBytes(): number {
    return this.sectors.reduce((sum, sector) => sum + (sector instanceof Uint8Array ? sector.length : 0), 0);
  }

  private share(index: number): SharedSector | null {
    const sector = this.sectors[index] as Sector;
    if (!(sector instanceof Uint8Array)) return sector;
    return (this.sectors[index] = this.store.intern(sector));
  }

  /** All sectors, shared from now on: the base of further images, or what is saved. */
  shareAll(): (SharedSector | null)[] {
    return this.sectors.map((_, index) => this.share(index));
  }

  private privateSector(index: number): Uint8Array {
    const sector = this.sectors[index] as Sector;
    if (sector instanceof Uint8Array) return sector;
    const own =
      sector === null
        ? new Uint8Array(this.geometry.sectorBytes).fill(this.geometry.erased)
        : sector.bytes.slice();
    this.sectors[index] = own;
    return own;
  }

  /** Bytes of an operation of n that take effect; the cut's operation is torn and power is lost. */
  private tear(n: number): number {
    if (this.cut === null) return n;
    if (this.cut.operations-- > 0) return n;
    this.dead = true;
    return Math.floor(n * this.cut.part);
  }
}

function contents(sector: SharedSector | Uint8Array): Uint8Array {
  return sector instanceof Uint8Array ? sector : sector.bytes;
}
