/** What watching needs from storage: windows in bulk, what devices are, and the watches themselves. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import type { Moments } from '../statistics/moment-shift.js';
import type { StoredBaseline } from '../baseline.js';
import type { WatchFrame } from './frame.js';
import type { WatchReference } from './reference.js';

export type QualitySettings = Resource<'QualitySettings'>;
export interface BaselinePeriod {
  readonly number: number;
  readonly fromMs: number;
  readonly toMs: number;
}
export interface WatchedProject {
  readonly scope: ProjectScope;
  readonly settings: QualitySettings;
  /** Length of a round. */
  readonly roundMs: number;
  /** The one in force; null: no period was declared healthy. */
  readonly baseline: BaselinePeriod | null;
}

/** Windows that may be compared with each other. */
export interface WatchSchema {
  readonly modelId: string;
  readonly model: string;
  readonly schemaCrc: number;
  readonly confidenceBins: number;
  readonly classCount: number;
  /** Of the newest version. */
  readonly labels: readonly string[];
}
/** One that was seen in a period. */
export interface SeenSchema extends WatchSchema {
  /** Start of the hour of its first window there. */
  readonly firstHourMs: number;
}
/** Validation data of a build, as a watch is judged by it. */
export interface WatchBuild {
  /** `model@version` */
  readonly release: string;
  readonly reference: WatchReference;
}
export interface WatchWindow {
  readonly device: string;
  readonly version: string;
  readonly atMs: number;
  readonly receivedAtMs: number;
  readonly n: number;
  readonly classes: readonly number[];
  readonly ood: readonly number[] | null;
  readonly features: readonly Moments[] | null;
  /** As `COUNTERS`. */
  readonly counters: readonly number[];
}
export interface WatchedDevice {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly site: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** [id, version id, round since which it runs it]; its place is its position in the watch. */
export type WatchMember = readonly [id: string, version: string, since: number];
/** `starting`: its first rounds are not over; only the fleet and its versions are judged, against validation data. */
export type WatchPhase = 'starting' | 'watching' | 'unable';
export interface WatchState {
  readonly members: readonly WatchMember[];
  /** FleetWatch.save; null while starting. */
  readonly learned: Uint8Array | null;
  /** BuildComparison.save; null: it is judged against a declared period alone. */
  readonly compared: Uint8Array | null;
  readonly closedRound: number;
  readonly readAtMs: number;
  readonly streamCount: number;
  readonly arl0: number;
  readonly tooLate: number;
}
export interface WatchRow extends WatchSchema {
  readonly id: string;
  /** Number of the declared period; null: none was. */
  readonly baseline: number | null;
  readonly part: string;
  readonly state: WatchPhase;
  /** Why it is unable, or what was learned anew, in words. */
  readonly reason: string;
  readonly frame: WatchFrame;
  readonly reference: WatchReference;
  readonly build: WatchBuild | null;
  readonly closedRound: number;
  readonly readAtMs: number;
  readonly streamCount: number;
  /** Rounds up to it were judged before what was learned was learned anew: they are judged again, and nobody is told. */
  readonly quietUntil: number | null;
}
export type NewWatch = Omit<WatchRow, 'model'> & WatchState;
/** What changes when a watch has learned. */
export type WatchLearned = Pick<NewWatch, 'state' | 'reason' | 'reference' | 'frame'>;

/** When it is another one, a turn is due before its clock says so. */
export interface WatchMark {
  /** Another text whenever people have set something up, or a build has run. */
  readonly mark: string;
  /** What sums have and no watch, and the project that it is of. */
  readonly unwatched: readonly { readonly projectId: string; readonly schema: string }[];
}

/** Read outside of transactions, so that a long look holds up nobody. */
export interface WatchReader {
  /** With a declared period, or a build that ran through validation data. */
  projects(): Promise<readonly WatchedProject[]>;
  mark(): Promise<WatchMark>;
  /** Seen in the hours of a period, as sums show it. */
  schemas(scope: ProjectScope, fromMs: number, toMs: number): Promise<readonly SeenSchema[]>;
  /** When the first window of a schema begins that does so in [fromMs, toMs), and is no longer than `mostMs`. */
  firstWindow(
    scope: ProjectScope,
    schema: WatchSchema,
    where: { readonly fromMs: number; readonly toMs: number; readonly mostMs: number },
  ): Promise<number | undefined>;
  /** Devices with windows of a schema that begin in [fromMs, toMs), in the order of their ids. */
  heard(scope: ProjectScope, schema: WatchSchema, fromMs: number, toMs: number): Promise<readonly string[]>;
  /** Those of these devices that sent windows of another schema in [fromMs, toMs): they are not silent. */
  elsewhere(
    scope: ProjectScope,
    schema: WatchSchema,
    devices: readonly string[],
    range: { readonly fromMs: number; readonly toMs: number },
  ): Promise<readonly string[]>;
  /** What the newest build of the model with this schema said of validation data. */
  build(scope: ProjectScope, schema: WatchSchema): Promise<StoredBaseline | undefined>;
  /** Those that begin in [fromMs, toMs), and those from `lateFromMs` on that were received from `receivedFromMs` on. */
  windows(
    scope: ProjectScope,
    schema: WatchSchema,
    range: {
      readonly fromMs: number;
      readonly toMs: number;
      readonly lateFromMs: number;
      readonly receivedFromMs: number;
    },
  ): Promise<readonly WatchWindow[]>;
  devices(scope: ProjectScope, ids: readonly string[]): Promise<readonly WatchedDevice[]>;
  /** `model@version` by id. */
  releases(scope: ProjectScope, versions: readonly string[]): Promise<ReadonlyMap<string, string>>;
  watches(scope: ProjectScope): Promise<readonly WatchRow[]>;
  state(scope: ProjectScope, id: string): Promise<WatchState | undefined>;
  /** Seconds of the period in which no device could reach us. */
  outageSeconds(fromMs: number, toMs: number): Promise<number>;
}
/** Written in the transaction of a round. */
export interface WatchStore {
  add(scope: ProjectScope, watch: NewWatch): Promise<void>;
  remove(scope: ProjectScope, id: string): Promise<void>;
  /** Says why it goes on as before. */
  explain(scope: ProjectScope, id: string, reason: string): Promise<void>;
  /** First in the transaction of a round: it is at this round, and nobody else moves it. */
  lock(scope: ProjectScope, id: string, closedRound: number): Promise<boolean>;
  /** @param learned when it has learned what its devices do */
  advance(scope: ProjectScope, id: string, state: WatchState, learned?: WatchLearned): Promise<void>;
}
