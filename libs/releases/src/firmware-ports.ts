/** What firmware needs from storage. */
import type {
  AuditLog,
  EventSink,
  Page,
  PageRequest,
  ProjectScope,
  Resource,
  UnnamedBlob,
} from '@tinyfleet/contracts';
import type { BundleNeeds } from './ports.js';

export interface NewFirmwareImage extends Pick<
  Resource<'FirmwareImage'>,
  'firmware' | 'version' | 'deviceType' | 'fileName' | 'digest' | 'bytes' | 'provides' | 'from' | 'createdBy'
> {
  readonly versionOrder: string;
  /** `provides` as manifests carry it. */
  readonly needs: BundleNeeds;
}

export interface FirmwareStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Firmware'>>>;
  /** Newest version first, in it by device type. @throws firmware.not-found */
  images(scope: ProjectScope, firmware: string, page: PageRequest): Promise<Page<Resource<'FirmwareImage'>>>;
  image(
    scope: ProjectScope,
    ref: { readonly firmware: string; readonly version: string; readonly deviceType: string },
  ): Promise<Resource<'FirmwareImage'> | undefined>;
  /** Makes firmware and version when they are not there. @throws firmware.name-taken, registry.type-not-found */
  add(scope: ProjectScope, image: NewFirmwareImage): Promise<void>;
  /**
   * @returns its images, digests by device type; and those that nothing names any more
   * @throws firmware.not-found, firmware.version-not-found, firmware.in-release
   */
  remove(
    scope: ProjectScope,
    firmware: string,
    version: string,
  ): Promise<{ readonly images: Readonly<Record<string, string>>; readonly orphans: readonly UnnamedBlob[] }>;
}

export interface FirmwareStores {
  readonly firmware: FirmwareStore;
  readonly events: EventSink;
  readonly audit: AuditLog;
}

/** Where images lie; a part of the blob store. */
export interface ImageBlobs {
  put(
    content: AsyncIterable<Uint8Array>,
    limitBytes: number,
  ): Promise<{ readonly digest: string; readonly bytes: number }>;
  remove(blob: UnnamedBlob): Promise<void>;
}
