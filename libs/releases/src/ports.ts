/** What builds, keys and releases need from outside. Stores: @tinyfleet/storage; sealer and compiler: the server. */
import type {
  AuditLog,
  EventSink,
  Page,
  PageRequest,
  ProjectScope,
  Resource,
  UnnamedBlob,
} from '@tinyfleet/contracts';
import type { BuildEvidence, ReleaseState } from './lifecycle.js';

export interface BuildRef {
  readonly model: string;
  readonly version: string;
  readonly type: string;
}

/** All that a compiler needs, read from rows; digests are lower-case hex. */
export interface BuildSource {
  readonly model: string;
  readonly version: string;
  readonly type: string;
  readonly typeSpec: Omit<Resource<'DeviceType'>, 'revision'>;
  readonly labels: readonly string[];
  readonly fileName: string;
  readonly sourceDigest: string;
  readonly validation: { readonly inputs: string; readonly labels: string } | null;
  /** Samples that a float model's scales are made from. */
  readonly calibration: string | null;
}

export interface BuildJob extends BuildSource {
  readonly buildId: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly attempt: number;
}

export interface BuildOutcome {
  readonly bundle: { readonly digest: string; readonly bytes: number };
  readonly report: Readonly<Record<string, unknown>>;
  readonly needs: BundleNeeds;
}

/** What a device must have for a bundle, and what telemetry of it means; stored beside the report. */
export interface BundleNeeds {
  /** major << 16 | minor */
  readonly abi: number;
  /** Hex, trailing zero bytes left out. */
  readonly opSet: string;
  readonly ownOpSet: string;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  /** Length of the class axis of its telemetry; 0 = it names no classes. */
  readonly classes: number;
  /** CRC-32 of its monitors section; 0 = none. */
  readonly schemaCrc: number;
  /** Bound of one inference in the self-test; none where nothing is known of the type's core, or a front end runs too. */
  readonly latencyUs?: number | undefined;
  /** Of all inputs, and SHA-256 of their contract with the front end: two models with the same one take the same inputs. */
  readonly inputBytes?: number;
  readonly inputsDigest?: string;
  /** Of one inference on the device type; none where nothing is known of its core. */
  readonly estimateUs?: number;
  /** Version by number of an op whose version is not 1. */
  readonly opVersions?: Readonly<Record<string, number>> | undefined;
  /** Hex: byte n = version of front end stage n, 0 = not used. */
  readonly stages?: string | undefined;
  /** What feeds the first input, numbers of wire.cddl; none: quantized inputs. */
  readonly sensor?:
    | {
        readonly sensor: number;
        readonly axes: number;
        readonly unit: number;
        readonly fullScale: number;
        readonly sampleRateMhz: number;
      }
    | undefined;
}

export interface BuildStore {
  list(
    scope: ProjectScope,
    filter: { readonly model?: string | undefined; readonly version?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Resource<'Build'>>>;
  /** The newest build of a version for a type. @throws builds.not-found */
  get(scope: ProjectScope, ref: BuildRef): Promise<Resource<'Build'>>;
  /** The same with its row key, which leaves the server in no answer. @throws builds.not-found */
  locate(
    scope: ProjectScope,
    ref: BuildRef,
  ): Promise<{ readonly id: string; readonly build: Resource<'Build'> }>;
  /** @throws builds.not-found, builds.not-finished */
  report(scope: ProjectScope, ref: BuildRef): Promise<Record<string, unknown>>;
  source(scope: ProjectScope, ref: BuildRef): Promise<BuildSource>;
  /** The build with these options, made when there is none; `state` as it was. */
  ensure(
    scope: ProjectScope,
    build: BuildSource & {
      readonly options: Record<string, unknown>;
      readonly optionsDigest: string;
      readonly createdBy: string;
    },
  ): Promise<{ readonly id: string; readonly made: boolean; readonly state: Resource<'BuildState'> }>;
  /** Puts a finished build back into the queue, as its next attempt. */
  requeue(scope: ProjectScope, id: string): Promise<void>;
  /** False when it has ended already. */
  cancel(scope: ProjectScope, id: string): Promise<boolean>;

  /** Of the worker: marks it running. Undefined when it was cancelled or done, or is gone. */
  begin(scope: ProjectScope, id: string): Promise<BuildJob | undefined>;
  /** False when it was cancelled meanwhile: the worker stops. */
  progress(scope: ProjectScope, id: string, stage: string, progress: number): Promise<boolean>;
  succeed(scope: ProjectScope, id: string, outcome: BuildOutcome): Promise<boolean>;
  fail(scope: ProjectScope, id: string, problem: Record<string, unknown>): Promise<boolean>;
}

export interface SigningKey {
  readonly id: string;
  readonly publicKey: Buffer;
  /** Sealed; null when the key is held elsewhere. */
  readonly sealedPrivateKey: Buffer | null;
  /** Rises with each rotation. */
  readonly sequence: number;
  readonly state: Resource<'SigningKey'>['state'];
  readonly createdAt: Date;
}
/** Devices that trust a key, by their last hello; `id` is the key's hex id on the wire. */
export interface KeyHolders {
  readonly keyId: string;
  readonly current: number;
  readonly next: number;
}
export interface SigningKeyStore {
  /** The active one first, then the next, then the retired ones from new to old. */
  list(scope: ProjectScope): Promise<SigningKey[]>;
  /** The key that signs, which no other transaction retires before this one ends. */
  active(scope: ProjectScope): Promise<SigningKey | undefined>;
  /** False when the project has a key already; the caller's is dropped. */
  addFirst(scope: ProjectScope, key: NewSigningKey): Promise<boolean>;
  /** Under the next sequence, in state `next`. False when there is one. */
  addNext(scope: ProjectScope, key: NewSigningKey): Promise<boolean>;
  /** Makes the next key the active one and retires the one before. False when it is not the next. */
  activate(scope: ProjectScope, id: string): Promise<boolean>;
  holders(scope: ProjectScope): Promise<KeyHolders[]>;
  /** A next key is withdrawn, a retired one revoked. False when it is neither. */
  close(scope: ProjectScope, id: string, to: 'withdrawn' | 'revoked'): Promise<boolean>;
  /** Devices, by name, that are to be told of this key by one that is kept elsewhere, and for which nothing is signed yet. */
  handovers(scope: ProjectScope, id: string, page: PageRequest): Promise<Page<Resource<'KeyHandover'>>>;
  /** The counter up to which each of these devices has been told anything, or will be; by name. */
  askCounters(scope: ProjectScope, devices: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** What was signed elsewhere: sent to the device when it is there. @returns devices that are known */
  addHandovers(
    scope: ProjectScope,
    id: string,
    handovers: readonly {
      readonly device: string;
      readonly signerId: string;
      readonly counter: number;
      readonly ask: Buffer;
    }[],
  ): Promise<number>;
  /** Enabled devices that say which keys they trust, and how many of them do not trust this one. */
  spread(scope: ProjectScope, keyId: string): Promise<{ readonly devices: number; readonly missing: number }>;
}
export type NewSigningKey = Pick<SigningKey, 'id' | 'publicKey' | 'sealedPrivateKey'>;

/** Bytes that a manifest names. Of an image `needs` is what it provides. */
export interface SignedBytes {
  readonly digest: string;
  readonly bytes: number;
  readonly needs: BundleNeeds;
}
/** What is installed before the model, for one device type. */
export interface FirmwareArtifact extends SignedBytes {
  readonly version: string;
  /** Lowest version that may be updated to it. */
  readonly from: string | null;
  /** Image of the release before that had one of this firmware. */
  readonly previous: SignedBytes | null;
}
export interface ReleaseArtifact {
  readonly type: string;
  readonly bundleDigest: string;
  readonly bundleBytes: number;
  readonly needs: BundleNeeds;
  /** Of a release of firmware alone: see `FirmwareArtifact`. */
  readonly from: string | null;
  readonly firmware: FirmwareArtifact | null;
  /** Revoked releases for its type lie below. */
  readonly floor: number;
  /** The same type's bundle in the release before, for the fallback manifest; null when that was revoked, too. */
  readonly previous: SignedBytes | null;
}
export interface ReleaseToSign {
  readonly id: string;
  /** What its builds are: bundles, or images of firmware alone. */
  readonly component: 'model' | 'firmware';
  readonly state: ReleaseState;
  readonly isSigned: boolean;
  readonly createdBy: string;
  readonly sequence: number;
  readonly soakS: number;
  readonly notAfter: Date | null;
  readonly artifacts: readonly ReleaseArtifact[];
}

/** What a statement of provenance is made of: rows that do not change any more. */
export interface ReleaseFacts {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  readonly sequence: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly fileName: string;
  readonly sourceDigest: string;
  readonly component: 'model' | 'firmware';
  readonly format: string;
  readonly labels: readonly string[];
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
  readonly builds: readonly BuildFacts[];
  /** Images that are installed before the model; of a release of firmware alone they are its builds. */
  readonly firmware: {
    readonly ref: string;
    readonly images: readonly {
      readonly type: string;
      readonly digest: string;
      readonly createdBy: string;
    }[];
  } | null;
}
/** Of the imported file. */
export type TensorFacts = Pick<Resource<'ModelVersion'>['inputs'][number], 'dtype' | 'shape'>;
export interface BuildFacts {
  readonly type: string;
  readonly bundleDigest: string;
  readonly bundleBytes: number;
  readonly compilerVersion: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly createdBy: string;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Digests of the files that it was made and measured with. */
  readonly dataSets: DataSets;
  readonly accuracy: number | null;
  /** Of the bundle: `major.minor`. */
  readonly abi: string;
}
export interface DataSets {
  readonly calibration?: string | null;
  readonly validation?: { readonly inputs: string; readonly labels: string } | null;
}
export interface KeptStatement {
  /** Null: never signed. */
  readonly statement: string | null;
  /** Null: the release is older than bills of materials. */
  readonly bom: string | null;
  readonly signatures: readonly { readonly publicKey: Buffer; readonly signature: Buffer }[];
}

export interface ReleaseStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Release'>>>;
  /** @throws releases.not-found */
  get(scope: ProjectScope, ref: string): Promise<Resource<'Release'>>;
  /**
   * Takes the next even sequence and every succeeded build, with the image of its type where firmware is named.
   * @throws releases.exists, releases.no-builds, releases.builds-open,
   *   releases.firmware-missing, releases.firmware-alone, models.version-not-found, firmware.not-found, firmware.version-not-found
   */
  add(
    scope: ProjectScope,
    release: {
      readonly model: string;
      readonly version: string;
      readonly firmware?: { readonly name: string; readonly version: string } | undefined;
      readonly notes: string;
      /** Default: see `defaultSoakS`. */
      readonly soakS?: number | undefined;
      readonly notAfter?: Date | undefined;
      readonly createdBy: string;
    },
  ): Promise<void>;
  /** Locks the release's row. @throws releases.not-found */
  toSign(scope: ProjectScope, ref: string): Promise<ReleaseToSign>;
  signed(scope: ProjectScope, id: string, keyId: string, manifests: readonly SignedArtifact[]): Promise<void>;
  /** Signed releases that are not revoked and have no manifests by this key, oldest first. */
  refsWithout(scope: ProjectScope, keyId: string): Promise<string[]>;
  setState(
    scope: ProjectScope,
    id: string,
    change: { readonly state: ReleaseState; readonly by: string; readonly reason: string },
  ): Promise<void>;
  /** What the builds of a release have shown, by type. */
  evidence(scope: ProjectScope, id: string): Promise<BuildEvidence[]>;
  /** The project wants the yes of a second person. */
  wantsFourEyes(scope: ProjectScope): Promise<boolean>;
  /** @throws releases.not-found */
  facts(scope: ProjectScope, ref: string): Promise<ReleaseFacts>;
  /** Keeps the statement and the bill of materials, unless they are kept already. @returns the statement that is kept */
  keepStatement(
    scope: ProjectScope,
    id: string,
    made: { readonly statement: string; readonly bom: string },
  ): Promise<string>;
  /** @throws releases.not-found */
  statement(scope: ProjectScope, ref: string): Promise<KeptStatement>;
  /** A further signature by the same key changes nothing. */
  signStatement(scope: ProjectScope, id: string, keyId: string, signature: Uint8Array): Promise<void>;
  /** Manifests of a signed release by a further key. */
  signedAgain(
    scope: ProjectScope,
    id: string,
    keyId: string,
    manifests: readonly SignedArtifact[],
  ): Promise<void>;
}
export interface SignedArtifact {
  readonly type: string;
  readonly manifest: Uint8Array;
  readonly fallback: SignedFallback | null;
  readonly firmware: { readonly manifest: Uint8Array; readonly fallback: SignedFallback | null } | null;
}
export interface SignedFallback {
  readonly manifest: Uint8Array;
  readonly digest: string;
}

/** Names a payload: the bundle that comes out, what it is made against, how, and for which flash sectors. */
export interface PayloadKey {
  /** Lower-case hex. */
  readonly target: string;
  /** Of a delta; else empty. */
  readonly base: string;
  readonly method: 'compressed' | 'delta';
  readonly blockBytes: number;
}

export interface PayloadStore {
  /** Adds what is missing for the devices of a release, or of one rollout of it. @returns what was added */
  plan(
    scope: ProjectScope,
    of: {
      readonly releaseId: string;
      readonly rolloutId?: string | undefined;
      readonly maxBases: number;
    },
  ): Promise<PayloadKey[]>;
  /** False when it is done or its bundle is gone. */
  isQueued(scope: ProjectScope, key: PayloadKey): Promise<boolean>;
  /** From here on it is offered. */
  ready(
    scope: ProjectScope,
    key: PayloadKey,
    payload: { readonly digest: string; readonly bytes: number },
  ): Promise<void>;
  useless(scope: ProjectScope, key: PayloadKey, bytes: number): Promise<void>;
  failed(scope: ProjectScope, key: PayloadKey, error: string): Promise<void>;
  /**
   * Removes payloads older than so many days whose bundle is desired of no device and in no open rollout.
   * @returns digests that nothing names any more
   */
  prune(scope: ProjectScope, keepDays: number): Promise<UnnamedBlob[]>;
}

export interface PayloadQueue {
  enqueue(scope: ProjectScope, key: PayloadKey): Promise<void>;
}

/** The blobs that payloads are made of and become; a part of the blob store. */
export interface PayloadReader {
  read(digest: string): Promise<Uint8Array>;
  put(content: Uint8Array, limitBytes: number): Promise<{ readonly digest: string; readonly bytes: number }>;
  remove(blob: UnnamedBlob): Promise<void>;
}

export interface PayloadJob {
  readonly method: 'compressed' | 'delta';
  /** One block yields one flash sector. */
  readonly blockBytes: number;
  readonly target: Uint8Array;
  readonly base: Uint8Array | undefined;
}
/** Makes a payload and proves with the device's own decoder that the bundle comes out of it. */
export interface TransferEncoder {
  encode(job: PayloadJob): Promise<Uint8Array>;
}

/** Puts a job into the queue in the same transaction as its row. */
export interface BuildQueue {
  enqueue(scope: ProjectScope, buildId: string): Promise<void>;
}

/** Encrypts private keys under the instance's secret. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Buffer;
  /** @throws storage.secret-mismatch */
  open(sealed: Uint8Array, context: string): Buffer;
}

export interface ReleaseStores {
  readonly builds: BuildStore;
  readonly keys: SigningKeyStore;
  readonly releases: ReleaseStore;
  readonly queue: BuildQueue;
  readonly payloads: PayloadStore;
  readonly payloadQueue: PayloadQueue;
  readonly events: EventSink;
  readonly audit: AuditLog;
}
