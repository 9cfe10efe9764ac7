/** What rollouts need from storage. */
import type { AuditLog, EventSink, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { Filter } from '@tinyfleet/filter';
import type { PayloadQueue, PayloadStore } from '@tinyfleet/releases';
import type { BundleNeeds, DeviceAbilities, Obstacle } from './compatibility.js';
import type { DeploymentState } from './deployment.js';
import type { RolloutState, Segment, StepVerdict, Tally } from './engine.js';
import type { Alike, RolloutKind, RolloutPolicy, StepPlan } from './plan.js';
import type { GateDevice } from './gates/index.js';
import type { OfferBatch } from './rates.js';
import type { FleetRecords } from './simulation/fleet-profile.js';
import type { FailureClass } from './retries.js';
import type { ShadowCounts } from './shadow/agreement.js';
import type { ShadowRoom } from './shadow/room.js';

/** A device that the filter of a rollout found. */
export interface TargetDevice extends Alike {
  readonly deviceId: string;
  readonly name: string;
  readonly typeId: string;
  /** Its own time zone, as people or it itself noted it. */
  readonly zone: string | null;
  /** By its last hello; by its type when there was none. */
  readonly abilities: DeviceAbilities;
  /** The same for devices that can the same; null: it never said hello. */
  readonly ability: string | null;
  readonly hasGreeted: boolean;
  readonly rule: {
    readonly kind: Resource<'UpdateRuleKind'>;
    readonly releaseId: string | null;
    readonly reason: string;
  } | null;
  /** The open rollout of the highest priority that still moves it, or has it as a shadow. */
  readonly busyIn: { readonly number: number; readonly priority: number; readonly kind: RolloutKind } | null;
  /** Asked for when the rollout is a shadow. */
  readonly shadowRoom?: ShadowRoom | undefined;
}

/** Devices of one type that can the same. */
export interface AbilityGroup extends Pick<
  TargetDevice,
  'typeId' | 'type' | 'ability' | 'abilities' | 'hasGreeted'
> {
  readonly devices: number;
  /** Some of them. */
  readonly sample: readonly string[];
}
/** In a rollout, and of the release that they are to get. */
export interface ChangedGroup extends AbilityGroup {
  readonly releaseId: string;
}
export interface JudgedGroup {
  readonly group: ChangedGroup;
  readonly obstacle: Obstacle | undefined;
}

export interface ReleaseFacts {
  readonly id: string;
  readonly state: Resource<'ReleaseState'>;
  /** Of the change into that state. */
  readonly stateReason: string;
  readonly isSigned: boolean;
  /** Alone, or before its model. */
  readonly bringsFirmware: boolean;
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
  readonly kind: RolloutKind;
  /** As it is compared: `policy.priority`, or below zero for a shadow, which every update goes before. */
  readonly priority: number;
  readonly releaseId: string;
  readonly filter: string;
  readonly policy: RolloutPolicy;
  readonly plan: readonly StepPlan[];
  readonly seed: string;
  readonly state: 'running' | 'awaiting-approval';
  readonly reason: string;
  readonly createdBy: string;
}

export interface NewDeployment {
  readonly deviceId: string;
  readonly releaseId: string;
  /** Of a comparison; a: also who is held back. */
  readonly arm: 'a' | 'b' | null;
  /** Empty for a device without a build. */
  readonly digest: Buffer;
  readonly step: number;
  readonly bucket: number;
  readonly zone: string;
  readonly notBefore: Date | null;
  /** What the device could when this was decided. */
  readonly ability: string | null;
  readonly state: 'waiting' | 'incompatible' | 'control' | 'held' | 'aborted';
  readonly errorCode: number | null;
  readonly reason: string;
}

/** A rollout whose row is locked, and the database's clock at that moment. */
export interface OpenRollout {
  readonly id: string;
  readonly number: number;
  readonly release: ReleaseFacts & { readonly ref: string };
  /** Release A of a comparison of two. */
  readonly rival: (ReleaseFacts & { readonly ref: string }) | null;
  readonly filter: string;
  readonly state: RolloutState;
  readonly step: number;
  readonly policy: RolloutPolicy;
  readonly plan: readonly StepPlan[];
  readonly seed: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly stepStartedAt: Date;
  readonly stepEndedAt: Date | null;
  /** Since then, our own outages left out. */
  readonly soakedSeconds: number | null;
  readonly toleratedFailures: number;
  readonly approvedStep: number;
  readonly skippedStep: number;
  readonly verdict: StepVerdict | null;
  /** Types and sites that went back while the rest went on: nobody there is offered the release again. */
  readonly rolledBack: readonly Segment[];
  /** Rises with every decision, of the engine and of people. */
  readonly version: string;
  /** Our own outage, now or not accounted for yet: nothing is decided, since devices could not have told. */
  readonly isUnreachable: boolean;
  readonly now: Date;
}

export type DecisionKind = Resource<'RolloutDecision'>['kind'];
export interface NewDecision {
  readonly kind: DecisionKind;
  readonly by: string;
  readonly step: number;
  readonly text: string;
  readonly evidence?: object;
}

type DeploymentQuery = PageRequest & {
  readonly rollout?: number | undefined;
  readonly device?: string | undefined;
  readonly state?: DeploymentState | undefined;
};

/** What people read, and the start. */
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
  /** Of all rollouts, newest first. */
  allDeployments(scope: ProjectScope, query: DeploymentQuery): Promise<Page<Resource<'DeploymentOfProject'>>>;
  /** @throws rollouts.deployment-not-found */
  deployment(scope: ProjectScope, number: number): Promise<Resource<'DeploymentOfProject'>>;
  /** Newest first. @throws rollouts.not-found */
  decisions(
    scope: ProjectScope,
    number: number,
    page: PageRequest & { readonly kind?: DecisionKind | undefined },
  ): Promise<Page<Resource<'RolloutDecision'>>>;

  /** At most so many points. @throws rollouts.not-found */
  history(scope: ProjectScope, number: number, points: number): Promise<Resource<'RolloutHistory'>>;

  /** @throws releases.not-found */
  release(scope: ProjectScope, ref: string): Promise<ReleaseFacts>;
  /** First in a transaction that starts one: two starts of a project see each other's devices. */
  holdStarts(scope: ProjectScope): Promise<void>;
  /** @param notIn leaves out devices that this rollout has already */
  target(scope: ProjectScope, filter: Filter, notIn?: string): Promise<TargetDevice[]>;
  /** By device id. */
  shadowRooms(scope: ProjectScope, devices: readonly string[]): Promise<ReadonlyMap<string, ShadowRoom>>;
  /** What its shadow runs came to: per device, and which class was taken for which. */
  shadowCounts(scope: ProjectScope, number: number): Promise<ShadowCounts>;
  /** What the gates of its present step last reported. @throws rollouts.not-found */
  reports(scope: ProjectScope, number: number): Promise<readonly object[]>;
  /** The same devices by what they can, however many there are. @throws registry.group-not-found */
  abilities(scope: ProjectScope, filter: Filter): Promise<AbilityGroup[]>;
  /** Names of the devices that match. @throws registry.group-not-found */
  names(scope: ProjectScope, filter: Filter): Promise<ReadonlySet<string>>;
  /** @returns its number */
  add(scope: ProjectScope, rollout: NewRollout, deployments: readonly NewDeployment[]): Promise<number>;
}

/** What is left of timeouts and retries as numbers of the policy. */
export interface OverduePolicy {
  /** Seconds by state. */
  readonly timeouts: Readonly<Record<string, number>>;
  readonly stuck: RolloutPolicy['retries']['stuck'];
}

export interface OfferLimits {
  readonly step: number;
  readonly limit: number;
  readonly now: Date;
  readonly jitterSeconds: number;
  /** Zones with an open window, and when it closes; undefined: no windows. */
  readonly zones: ReadonlyMap<string, Date> | undefined;
  readonly batteryFloorPercent: number | undefined;
  readonly connections: readonly string[] | undefined;
}

/** A device on one side of the gates of a step; on both, while its turn had not come and since. Times in unix ms. */
export interface GateMember extends Pick<
  GateDevice,
  'device' | 'arm' | 'type' | 'site' | 'install' | 'selfTest'
> {
  /** Whose windows count: the new version on the side of the step, the old one on the other. Null: none is known. */
  readonly release: string | null;
  /** Active, or the rollout began; null: not active yet. */
  readonly sinceMs: number | null;
  /** Its turn came. */
  readonly untilMs: number | null;
  readonly lastContactMs: number | null;
  readonly nextContactByMs: number | null;
  readonly isConnected: boolean;
}

/** What the engine does, set-based: each method is a statement or few, whatever the number of devices. */
export interface RolloutMoves {
  /** Locks the row until the transaction ends. @throws rollouts.not-found */
  lock(scope: ProjectScope, number: number): Promise<OpenRollout>;
  setState(
    scope: ProjectScope,
    id: string,
    change: { readonly state: RolloutState; readonly reason: string; readonly toleratedFailures?: number },
  ): Promise<void>;
  setReason(scope: ProjectScope, id: string, reason: string): Promise<void>;
  setStep(scope: ProjectScope, id: string, step: number, reason: string): Promise<void>;
  /** `null`: it goes on. */
  setStepEnded(scope: ProjectScope, id: string, at: Date | null): Promise<void>;
  setVerdict(
    scope: ProjectScope,
    id: string,
    verdict: StepVerdict | null,
    reports: readonly object[],
  ): Promise<void>;
  approve(scope: ProjectScope, id: string, step: number): Promise<void>;
  skip(scope: ProjectScope, id: string, step: number): Promise<void>;
  note(scope: ProjectScope, id: string, decision: NewDecision): Promise<void>;

  tallies(scope: ProjectScope, id: string): Promise<Tally[]>;
  /** Asks both sides for telemetry windows of this length; null: as the project has it. */
  setWindow(scope: ProjectScope, id: string, seconds: number | null): Promise<void>;
  /** Active devices whose telemetry says otherwise. @returns how many */
  denyActive(scope: ProjectScope, id: string): Promise<number>;
  /** Zones of the devices that wait in steps up to this one. */
  zones(scope: ProjectScope, id: string, step: number): Promise<string[]>;
  /** Offers of the last minute, oldest first; without `id` those of all rollouts of the project. */
  offers(scope: ProjectScope, id: string | undefined, now: Date): Promise<OfferBatch[]>;
  /** Devices of the rollout, or of all, that are fetching now, or connected and told to. */
  transfers(scope: ProjectScope, id: string | undefined): Promise<number>;
  /** Offers to waiting devices: sets what is desired of them. @returns how many */
  offer(scope: ProjectScope, id: string, limits: OfferLimits): Promise<number>;
  /** Adds devices that match by now. */
  takeIn(scope: ProjectScope, id: string, deployments: readonly NewDeployment[]): Promise<void>;
  /** The latest time for which one that joined was put off. */
  lastJoiner(scope: ProjectScope, id: string): Promise<Date | null>;

  /** Failed ones whose class may be tried again wait for their next offer. @returns how many */
  retryFailed(
    scope: ProjectScope,
    id: string,
    policy: RolloutPolicy['retries'],
    classes: ReadonlyMap<number, FailureClass | undefined>,
  ): Promise<number>;
  /** People want it: everything that failed, reverted, fell silent or was given up. */
  retryAll(scope: ProjectScope, id: string): Promise<number>;
  /**
   * Of deployments that wait or could not: devices that can something else than when they were judged. None is offered
   * anything. One without room for a shadow is not looked at again.
   */
  changedAbilities(scope: ProjectScope, id: string): Promise<ChangedGroup[]>;
  /** Lets them wait, or says what is in the way. @returns how many */
  judgeAgain(scope: ProjectScope, id: string, judged: readonly JudgedGroup[]): Promise<number>;
  /** Offers nobody took in time, devices that are gone, held, pinned elsewhere or superseded. @returns how many changed */
  refresh(scope: ProjectScope, id: string, now: Date): Promise<number>;
  /** Devices without progress for longer than their state may take. @returns how many changed */
  judgeOverdue(scope: ProjectScope, id: string, policy: OverduePolicy, now: Date): Promise<number>;
  /** Ends what has not ended: those devices get back what was desired before. @returns how many */
  withdraw(scope: ProjectScope, id: string): Promise<number>;
  /**
   * Tells devices to run the version before again; those that were not offered anything yet are withdrawn. A segment is noted
   * in `rolledBack`.
   */
  rollBack(
    scope: ProjectScope,
    id: string,
    segment: Segment,
  ): Promise<{ readonly returning: number; readonly kept: number }>;
  /** One that could not go back to its own version before goes to that before this release. @returns how many */
  returnAgain(scope: ProjectScope, id: string): Promise<number>;
  /** Of the devices on their way back: those that are away, and not expected or for longer than the patience. */
  awayReturning(scope: ProjectScope, id: string, patienceSeconds: number, now: Date): Promise<number>;
}

export interface UpdateRuleStore {
  list(
    scope: ProjectScope,
    page: PageRequest & { readonly device?: string | undefined },
  ): Promise<Page<Resource<'UpdateRule'>>>;
  find(scope: ProjectScope, device: string): Promise<Resource<'UpdateRule'> | undefined>;
  /** @throws registry.device-not-found, releases.not-found */
  set(
    scope: ProjectScope,
    device: string,
    rule: Omit<Resource<'UpdateRule'>, 'device' | 'createdAt'>,
  ): Promise<void>;
  /** @throws registry.device-not-found */
  remove(scope: ProjectScope, device: string): Promise<boolean>;
  settings(scope: ProjectScope): Promise<Resource<'RolloutSettings'>>;
  setSettings(scope: ProjectScope, settings: Resource<'RolloutSettings'>): Promise<void>;
}

export interface RolloutStores {
  readonly rollouts: RolloutStore;
  readonly moves: RolloutMoves;
  readonly updateRules: UpdateRuleStore;
  readonly payloads: PayloadStore;
  readonly payloadQueue: PayloadQueue;
  readonly events: EventSink;
  readonly audit: AuditLog;
}

export interface FoundRollout {
  readonly scope: ProjectScope;
  readonly number: number;
  /** Runs, and its present step has gates. */
  readonly isGated: boolean;
}

/** Of the leader, over all projects, outside of transactions. */
export interface OpenRollouts {
  /** Running, or rolling back. */
  running(): Promise<FoundRollout[]>;
  /** As it is now; it may change at once. @throws rollouts.not-found */
  look(scope: ProjectScope, number: number): Promise<OpenRollout>;
  /** Both sides of the gates of a step, in the order in which devices are admitted. */
  gateMembers(scope: ProjectScope, id: string, step: number): Promise<GateMember[]>;
}

/** Of the telemetry of a project, for fleets that are to be like its own. */
export interface FleetRecordReader {
  read(scope: ProjectScope, devices: readonly string[], days: number): Promise<FleetRecords>;
}
