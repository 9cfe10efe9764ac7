/** What the registry needs from storage. Reads give the API's own shapes; writes are single facts in a transaction. */
import type {
  AuditLog,
  EventSink,
  Page,
  PageRequest,
  ProjectScope,
  Resource,
  UnnamedBlob,
} from '@tinyfleet/contracts';
import type { Filter } from '@tinyfleet/filter';
import type { SettingMark } from '@tinyfleet/wire';
import type { AttributeValue, AttributeValues } from './attributes.js';
import type { BulkActionStore, BulkQueue } from './bulk/ports.js';
import type { CredentialStore } from './credentials/ports.js';
import type { DeviceTypeSpec } from './catalogue.js';
import type { DeviceMove, DeviceState } from './device-state.js';

export interface NewProject {
  readonly name: string;
  readonly title: string;
  readonly simulated: boolean;
  readonly windowSeconds: number;
  readonly pickEvery: number;
}

export interface ProjectStore {
  /** `personId` null: all projects. */
  list(personId: string | null, page: PageRequest): Promise<Page<Resource<'Project'>>>;
  /** The only way to a scope. */
  find(name: string): Promise<ProjectScope | undefined>;
  get(scope: ProjectScope): Promise<Resource<'Project'>>;
  /** Also makes the person its admin. @throws registry.project-exists */
  add(project: NewProject, personId: string | null): Promise<ProjectScope>;
  /** Removes every row of the project except the audit log's. @returns digests that no project names any more. */
  remove(scope: ProjectScope): Promise<UnnamedBlob[]>;
  summary(scope: ProjectScope): Promise<Resource<'FleetSummary'>>;
}

export interface DeviceTypeStore {
  list(scope: ProjectScope): Promise<Resource<'DeviceType'>[]>;
  /** @throws registry.type-not-found */
  get(scope: ProjectScope, name: string): Promise<Resource<'DeviceType'>>;
  /** @throws registry.type-exists */
  add(scope: ProjectScope, spec: DeviceTypeSpec): Promise<void>;
  /** Nobody changes it or begins to use it until the transaction ends. @throws registry.type-not-found */
  lock(scope: ProjectScope, name: string): Promise<Resource<'DeviceType'>>;
  uses(scope: ProjectScope, name: string): Promise<DeviceTypeUses>;
  /** @returns its revision */
  update(scope: ProjectScope, spec: DeviceTypeSpec): Promise<number>;
  remove(scope: ProjectScope, name: string): Promise<void>;
  /** Makes the project's built-in types equal to the catalogue. */
  refreshBuiltIn(scope: ProjectScope, catalogue: readonly DeviceTypeSpec[]): Promise<void>;
}

/** How many of each name a device type. */
export interface DeviceTypeUses {
  readonly devices: number;
  readonly builds: number;
  readonly releases: number;
  readonly 'provisioning keys': number;
  readonly authorities: number;
}

export interface NewDevice {
  readonly name: string;
  readonly type: string;
  readonly tags: readonly string[];
  readonly site: string;
  readonly hardwareRevision: string;
  readonly notes: string;
  readonly location: Resource<'Location'> | null;
  readonly attributes: AttributeValues;
}

/** Empty text clears; null takes the location away; what is not named stays. */
export interface DeviceChange {
  readonly tags?: readonly string[];
  readonly site?: string;
  readonly hardwareRevision?: string;
  readonly notes?: string;
  readonly location?: Resource<'Location'> | null;
}

/** Names go up, times down, unless told otherwise; devices never heard of are last by `lastSeen`. */
export interface DeviceListRequest extends PageRequest {
  readonly sort?: 'name' | 'lastSeen' | 'createdAt' | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
}

export interface LockedDevice {
  readonly id: string;
  readonly state: DeviceState;
  readonly desired: AttributeValues;
  readonly desiredVersion: number;
  readonly revision: number;
}

export interface DeviceStore {
  /** @throws registry.group-not-found, registry.cursor-invalid */
  list(scope: ProjectScope, filter: Filter, page: DeviceListRequest): Promise<Page<Resource<'Device'>>>;
  /** @throws registry.device-not-found */
  get(scope: ProjectScope, name: string): Promise<Resource<'Device'>>;
  detail(scope: ProjectScope, name: string): Promise<Resource<'DeviceDetail'>>;
  /** All or none. @throws registry.device-exists, registry.type-not-found */
  add(scope: ProjectScope, devices: readonly NewDevice[]): Promise<void>;
  /** @throws registry.device-not-found */
  update(scope: ProjectScope, name: string, change: DeviceChange): Promise<void>;
  /** Until the transaction ends. @throws registry.device-not-found */
  lock(scope: ProjectScope, name: string): Promise<LockedDevice>;
  setDesired(scope: ProjectScope, id: string, desired: AttributeValues): Promise<void>;
  /** Moves those that may move by DEVICE_TRANSITIONS; retiring takes credentials and ends open deployments. */
  move(
    scope: ProjectScope,
    ids: readonly string[],
    move: DeviceMove,
  ): Promise<{ readonly name: string; readonly from: DeviceState; readonly to: DeviceState }[]>;
  remove(scope: ProjectScope, name: string): Promise<void>;
  /** The types that the project's devices have. */
  typesInUse(scope: ProjectScope): Promise<string[]>;
}

export interface NewCommand {
  /** It sets something until the device's next boot: the platform keeps it and asks again. */
  readonly setting: SettingMark | undefined;
  readonly id: string;
  readonly command: Resource<'DeviceCommandName'>;
  readonly argument: number | undefined;
  readonly data: Uint8Array | undefined;
  readonly expiresInSeconds: number;
  readonly createdBy: string;
}

export interface CommandStore {
  /** @throws registry.device-not-found, registry.commands-too-many */
  add(scope: ProjectScope, device: string, command: NewCommand, maxOpen: number): Promise<void>;
  /** The project allows devices to send what they measured. */
  keepsSamples(scope: ProjectScope): Promise<boolean>;
  get(scope: ProjectScope, device: string, id: string): Promise<Resource<'DeviceCommand'>>;
  /** Newest first. @throws registry.device-not-found */
  list(scope: ProjectScope, device: string, page: PageRequest): Promise<Page<Resource<'DeviceCommand'>>>;
}

/**
 * Keeps the key that a device's commands are authenticated with: derived from its token where that is known in the
 * clear, which is when it is made and when the device connects.
 */
export interface DeviceKeySealer {
  sealKey(
    device: { readonly projectId: string; readonly device: string },
    token: string | Uint8Array,
  ): Buffer;
  /** @throws storage.secret-mismatch */
  openKey(device: { readonly projectId: string; readonly device: string }, sealed: Uint8Array): Uint8Array;
}

/** What a device is asked next, counted as sent. */
export interface DueAsk {
  /** Of this command; the counter after it is given too, for the say-hello that follows. */
  readonly counter: number;
  readonly command: string;
  readonly argument: number | undefined;
  readonly data: Uint8Array | undefined;
  /** A command of the operator's to a device that connected with a token: authenticated by the key made of it. */
  readonly sealedKey: Buffer | undefined;
  /** Otherwise by the key that manifests for the device must be signed with. */
  readonly signer: { readonly id: string; readonly sealedPrivateKey: Buffer } | undefined;
  /** A rotation's next key. */
  readonly rotation:
    | {
        readonly nextPublicKey: Buffer;
        readonly nextSequence: number;
        /** The whole message, signed where the key is; null: it is signed here. */
        readonly signedAsk: Buffer | null;
      }
    | undefined;
}

/** The platform's end of commands, read by the edge for many devices at once. */
export interface AskSource {
  /**
   * Settles what devices were asked before by what their last hello says, and gives each what it is asked next. One command
   * is under way to a device at a time. The answer has the order of the question.
   */
  next(
    devices: readonly {
      readonly projectId: string;
      readonly deviceId: string;
      /** First question of this connection: what was sent before and not taken is lost. */
      readonly isNewSession: boolean;
      /** What it connected with: its key authenticates commands. */
      readonly credentialId: string;
      /** Whether it may be told of a new signing key. */
      readonly mayRotate: boolean;
    }[],
  ): Promise<(DueAsk | undefined)[]>;
}

export interface NewModelVersion {
  readonly model: string;
  readonly version: string;
  readonly versionOrder: string;
  readonly format: string;
  readonly fileName: string;
  readonly source: { readonly digest: string; readonly bytes: number };
  readonly contract: ModelContract;
  readonly inspection: Readonly<Record<string, unknown>>;
  readonly labels: readonly string[];
  readonly createdBy: string;
}

export interface ModelContract {
  readonly inputs: Resource<'ModelVersion'>['inputs'];
  readonly outputs: Resource<'ModelVersion'>['outputs'];
  readonly operators: Resource<'ModelVersion'>['operators'];
  readonly macs: number;
}

/** Files beside a model version: labelled data, and samples that a float model's scales are made from. */
export type ValidationPart = 'inputs' | 'labels' | 'calibration';

/** What a build of foreign firmware stands for. */
export interface NamedBuild {
  /** `model@version` */
  readonly release: string;
  readonly deviceType: string;
  readonly classes: number;
  /** It was not known before. */
  readonly isNew: boolean;
}

export interface ModelStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Model'>>>;
  /** Newest version first. @throws models.not-found */
  versions(scope: ProjectScope, model: string, page: PageRequest): Promise<Page<Resource<'ModelVersion'>>>;
  /** @throws models.not-found, models.version-not-found */
  version(scope: ProjectScope, model: string, version: string): Promise<Resource<'ModelVersion'>>;
  newestVersion(scope: ProjectScope, model: string): Promise<string | undefined>;
  /** Makes the model when it is new; its row is locked, so two imports get two versions. */
  lock(scope: ProjectScope, model: string): Promise<void>;
  /**
   * Windows that name this build are of the version. Answers what they are of: something else, when it was known before.
   * @throws registry.type-not-found
   */
  nameBuild(
    scope: ProjectScope,
    ref: { readonly model: string; readonly version: string },
    build: { readonly prefix: Buffer; readonly deviceType: string; readonly classes: number },
  ): Promise<NamedBuild>;
  /** @throws models.version-exists */
  addVersion(scope: ProjectScope, version: NewModelVersion): Promise<void>;
  setValidation(
    scope: ProjectScope,
    ref: { readonly model: string; readonly version: string },
    part: ValidationPart,
    blob: { readonly digest: string; readonly bytes: number; readonly count: number },
  ): Promise<void>;
}

export interface NewGroup {
  readonly name: string;
  /** Null: static. */
  readonly filter: string | null;
  readonly notes: string;
  readonly createdBy: string;
}

export interface LockedGroup {
  readonly id: string;
  readonly kind: Resource<'GroupKind'>;
  readonly filter: string | null;
  readonly notes: string;
}

export interface GroupStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Group'>>>;
  /** @throws registry.group-not-found */
  get(scope: ProjectScope, name: string): Promise<Resource<'Group'>>;
  /** Until the transaction ends. @throws registry.group-not-found */
  lock(scope: ProjectScope, name: string): Promise<LockedGroup>;
  /**
   * Holds every change of which group names which until the transaction ends, so that two saved at once cannot name each other.
   * Taken after the group's own row.
   */
  lockAll(scope: ProjectScope): Promise<void>;
  /** @throws registry.group-exists */
  add(scope: ProjectScope, group: NewGroup): Promise<void>;
  update(
    scope: ProjectScope,
    id: string,
    change: { readonly filter?: string; readonly notes?: string },
  ): Promise<void>;
  remove(scope: ProjectScope, id: string): Promise<void>;
  /** How many groups there are, and names and filters of the dynamic ones. */
  filters(
    scope: ProjectScope,
  ): Promise<{ readonly groups: number; readonly dynamic: readonly { name: string; filter: string }[] }>;
  /** @returns those that were not in it before. */
  addMembers(scope: ProjectScope, id: string, deviceIds: readonly string[]): Promise<number>;
  removeMembers(scope: ProjectScope, id: string, deviceIds: readonly string[]): Promise<number>;
  /** Keeps a count that was made now, unless the filter has changed meanwhile. */
  setCount(
    scope: ProjectScope,
    name: string,
    counted: { readonly filter: string; readonly count: number },
  ): Promise<void>;
}

/** One change of many devices; what is not named stays. */
export interface BulkUpdate extends DeviceChange {
  readonly tag?: readonly string[];
  readonly untag?: readonly string[];
  readonly desired?: Readonly<Record<string, AttributeValue | null>>;
}

/** Devices by filter, any number of them. */
export interface DeviceSetStore {
  /** Those that match, the first by name as a sample. @throws registry.group-not-found */
  count(
    scope: ProjectScope,
    filter: Filter,
    sample: number,
  ): Promise<{ readonly count: number; readonly sample: string[] }>;
  /** Checks that a filter can be used, as that of the group `own` if named. @throws registry.group-not-found, registry.group-cycle */
  checkFilter(scope: ProjectScope, filter: Filter, own?: string): Promise<void>;
  /** Ids, at most `limit`, locked until the transaction ends. */
  lock(scope: ProjectScope, filter: Filter, limit: number): Promise<string[]>;
  /** Those of these that are still there, in order, locked until the transaction ends. */
  lockThese(scope: ProjectScope, ids: readonly string[]): Promise<string[]>;
  /** Ids of these names. @throws registry.device-not-found */
  named(scope: ProjectScope, names: readonly string[]): Promise<string[]>;
  /** Devices as people see them, by name. */
  show(scope: ProjectScope, ids: readonly string[]): Promise<Resource<'Device'>[]>;
  /** @throws registry.tags-too-many, registry.attributes-too-many */
  update(scope: ProjectScope, ids: readonly string[], change: BulkUpdate, limits: BulkLimits): Promise<void>;
  names(scope: ProjectScope, ids: readonly string[]): Promise<string[]>;
}

/** Of one device after the change. */
export interface BulkLimits {
  readonly maxTags: number;
  readonly maxAttributes: number;
}

export interface RegistryStores {
  readonly projects: ProjectStore;
  readonly types: DeviceTypeStore;
  readonly devices: DeviceStore;
  readonly deviceSets: DeviceSetStore;
  readonly bulkActions: BulkActionStore;
  readonly bulkQueue: BulkQueue;
  readonly groups: GroupStore;
  readonly commands: CommandStore;
  readonly credentials: CredentialStore;
  readonly models: ModelStore;
  readonly events: EventSink;
  readonly audit: AuditLog;
}

/** Reads a model file; implemented with @tinyfleet/compiler. */
export interface ModelInspector {
  /** @throws a registered error of the compiler when it is no model it can read. */
  inspect(
    bytes: Uint8Array,
    fileName: string,
  ): Promise<{ format: string; contract: ModelContract; inspection: Record<string, unknown> }>;
}
