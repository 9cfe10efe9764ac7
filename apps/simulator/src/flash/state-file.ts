// Flash images of a fleet in one file, so that a simulator that is started again continues with the models and windows
// its devices had. Format: magic, header length, JSON header (device -> sector ids), then the distinct sectors.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { FlashImage, type FlashGeometry } from './flash-image.js';
import type { SectorStore } from './sector-store.js';

const MAGIC = 'TFSIM001';

interface Header {
  readonly geometry: FlashGeometry;
  readonly sectors: number;
  /** Index into the sectors that follow, -1 = erased. */
  readonly devices: Record<string, number[]>;
}

/** Written to a neighbour and renamed: a reader never sees half of it. */
export function saveFlash(
  file: string,
  geometry: FlashGeometry,
  devices: Iterable<{ name: string; flash: FlashImage }>,
): void {
  const places = new Map<string, number>();
  const bodies: Uint8Array[] = [];
  const header: Header = { geometry, sectors: 0, devices: {} };
  for (const { name, flash } of devices) {
    header.devices[name] = flash.shareAll().map((sector) => {
      if (sector === null) return -1;
      let place = places.get(sector.id);
      if (place === undefined) {
        place = bodies.push(sector.bytes) - 1;
        places.set(sector.id, place);
      }
      return place;
    });
  }
  const text = Buffer.from(JSON.stringify({ ...header, sectors: bodies.length }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const part = `${file}.part`;
  writeFileSync(part, Buffer.concat([Buffer.from(MAGIC), length, text, ...bodies]), { mode: 0o600 });
  renameSync(part, file);
}

/** The images of a saved fleet; empty when there is no file, or when it is of another kind and of no use. */
export function loadFlash(
  file: string,
  geometry: FlashGeometry,
  store: SectorStore,
): Map<string, FlashImage> {
  const images = new Map<string, FlashImage>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return images; // the first start
  }
  if (bytes.length < 12 || bytes.subarray(0, 8).toString('latin1') !== MAGIC) return images;
  const headerBytes = bytes.readUInt32LE(8);
  let header: Header;
  try {
    header = JSON.parse(bytes.subarray(12, 12 + headerBytes).toString('utf8')) as Header;
  } catch {
    return images;
  }
  const same = (Object.keys(geometry) as (keyof FlashGeometry)[]).every(
    (key) => header.geometry[key] === geometry[key],
  );
  const dataAt = 12 + headerBytes;
  if (!same || bytes.length !== dataAt + header.sectors * geometry.sectorBytes) return images;
  const shared = Array.from({ length: header.sectors }, (_, i) =>
    store.intern(
      new Uint8Array(
        bytes.subarray(dataAt + i * geometry.sectorBytes, dataAt + (i + 1) * geometry.sectorBytes),
      ),
    ),
  );
  for (const [name, places] of Object.entries(header.devices)) {
    const sectors = places.map((place) => (place < 0 ? null : shared[place]!));
    if (sectors.length === geometry.bytes / geometry.sectorBytes)
      images.set(name, new FlashImage(geometry, store, sectors));
  }
  return images;
}
