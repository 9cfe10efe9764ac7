/** What the comparison of devices needs from storage, beside what watching reads. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { AlertStores } from '../alerts/ports.js';
import type { WatchReader, WatchSchema } from '../watch/ports.js';
import type { PeerWindow } from './compare.js';

/** One for each model and schema of monitors. */
export interface PeerRecord {
  readonly id: string;
  /** How often a device was compared, by id. */
  readonly looks: Readonly<Record<string, number>>;
}
export interface PeerDeviceWindow extends PeerWindow {
  readonly device: string;
  readonly atMs: number;
}

export interface PeerReader extends Pick<
  WatchReader,
  'projects' | 'schemas' | 'build' | 'devices' | 'watches'
> {
  record(scope: ProjectScope, schema: WatchSchema): Promise<PeerRecord | undefined>;
  /** How many windows of at least `leastN` inferences devices have that begin from then on. */
  windowCounts(
    scope: ProjectScope,
    schema: WatchSchema,
    given: { readonly fromMs: number; readonly leastN: number },
  ): Promise<readonly { readonly device: string; readonly windows: number }[]>;
  /** The newest `count` of those of each of these devices, in the order of devices. */
  newest(
    scope: ProjectScope,
    schema: WatchSchema,
    given: {
      readonly fromMs: number;
      readonly leastN: number;
      readonly count: number;
      readonly devices: readonly string[];
    },
  ): Promise<readonly PeerDeviceWindow[]>;
}
export interface PeerStore {
  /** Replaces what was kept of this model and schema. */
  put(scope: ProjectScope, schema: WatchSchema, record: PeerRecord): Promise<void>;
}
export interface PeerStores extends Pick<AlertStores, 'alerts' | 'events'> {
  readonly peers: PeerStore;
}
