/** What rollouts need from storage. */
import type { AuditLog, EventSink, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { Filter } from '@tinyfleet/filter';
import type { PayloadQueue, PayloadStore } from '@tinyfleet/releases';
import type { BundleNeeds, DeviceAbilities } from './compatibility.js';
import type { DeploymentState } from './deployment.js';
import type { RolloutState, RolloutStrategy, Tally } from './engine.js';

/** A device that the filter of a rollout found. */
export interface TargetDevice {
  readonly deviceId: string;
  readonly name: string;
  readonly typeId: string;
  readonly type: string;
  /** Undefined: it never said hello. */
  readonly abilities: DeviceAbilities | undefined;
  /** Number of the open rollout that still moves it. */
  readonly busyIn: number | null;
}

export interface ReleaseFacts {
  readonly id: string;
  readonly state: Resource<'Release'>['state'];
  /** No device is offered it afterwards. */
  readonly notAfter: Date | null;
  /** One per device type. */
  readonly artifacts: readonly {
    readonly typeId: string;
    readonly digest: Buffer;
    readonly needs: BundleNeeds;
  }[];
}

export interface NewRollout {
  readonly id: string;
  readonly releaseId: string;
  readonly release: string;
  readonly filter: string;
  readonly strategy: RolloutStrategy;
  readonly createdBy: string;
}

export interface NewDeployment {
  readonly deviceId: string;
  /** Empty for a device without a build. */
  readonly digest: Buffer;
  readonly step: number;
  readonly bucket: number;
  readonly state: 'waiting' | 'incompatible';
  readonly errorCode: number | null;
  readonly reason: string;
}

/** A rollout whose row is locked. */
export interface OpenRollout {
  readonly id: string;
  readonly number: number;
  readonly release: string;
  readonly state: RolloutState;
  readonly step: number;
  readonly strategy: RolloutStrategy;
}

/** A device under way that has not moved for the timeout. */
export interface OverdueDeployment {
  readonly deviceId: string;
  readonly device: string;
  readonly state: DeploymentState;
  readonly attempts: number;
  readonly heard: boolean;
}

export interface RolloutStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Rollout'>>>;
  /** @throws rollouts.not-found */
  get(scope: ProjectScope, number: number): Promise<Resource<'Rollout'>>;
  /** By device name. @throws rollouts.not-found */
  deployments(
    scope: ProjectScope,
    number: number,
    page: PageRequest & { readonly state?: DeploymentState | undefined },
  ): Promise<Page<Resource<'Deployment'>>>;
  /** Newest first. */
  ofDevice(
    scope: ProjectScope,
    device: string,
    page: PageRequest,
  ): Promise<Page<Resource<'Deployment'> & { rollout: number; release: string }>>;

  /** @throws releases.not-found */
  release(scope: ProjectScope, ref: string): Promise<ReleaseFacts>;
  target(scope: ProjectScope, filter: Filter): Promise<TargetDevice[]>;
  /** @returns its number */
  add(scope: ProjectScope, rollout: NewRollout, deployments: readonly NewDeployment[]): Promise<number>;

  /** Locks the row until the transaction ends. @throws rollouts.not-found */
  lock(scope: ProjectScope, number: number): Promise<OpenRollout>;
  setState(
    scope: ProjectScope,
    id: string,
    change: { readonly state: RolloutState; readonly reason: string; readonly toleratedFailures?: number },
  ): Promise<void>;
  setStep(scope: ProjectScope, id: string, step: number, reason: string): Promise<void>;
  tallies(scope: ProjectScope, id: string): Promise<Tally[]>;
  /** Offers to waiting devices of steps up to `step`: sets what is desired of them. @returns their names */
  offer(scope: ProjectScope, id: string, step: number, limit: number): Promise<string[]>;
  /** Offers once more, under a new revision. */
  offerAgain(scope: ProjectScope, id: string, deviceIds: readonly string[]): Promise<void>;
  overdue(scope: ProjectScope, id: string, timeoutSeconds: number): Promise<OverdueDeployment[]>;
  /** Failed ones whose reported error may pass. */
  retryable(
    scope: ProjectScope,
    id: string,
    transientErrors: readonly number[],
  ): Promise<OverdueDeployment[]>;
  setDeployments(
    scope: ProjectScope,
    id: string,
    deviceIds: readonly string[],
    change: { readonly state: DeploymentState; readonly errorCode: number | null; readonly reason: string },
  ): Promise<void>;
  /** Ends what has not ended: those devices get back what was desired before. @returns how many */
  withdraw(scope: ProjectScope, id: string): Promise<number>;
}

export interface RolloutStores {
  readonly rollouts: RolloutStore;
  readonly payloads: PayloadStore;
  readonly payloadQueue: PayloadQueue;
  readonly events: EventSink;
  readonly audit: AuditLog;
}

/** Of the leader, over all projects. */
export interface OpenRolloutFinder {
  running(): Promise<{ readonly scope: ProjectScope; readonly number: number }[]>;
}
