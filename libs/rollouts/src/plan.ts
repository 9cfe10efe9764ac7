/**
 * Which step of a rollout admits which device. Within each stratum (type, site, firmware) devices are ordered by a hash
 * of seed and name, and strata are merged in proportion (systematic sampling): every prefix of the order, so every canary
 * cohort, is a small picture of the whole target, is the same on every evaluation, and is an exact share (a threshold on
 * the hash would admit none or four of 50 where 2 % are asked). The tail of the order is held back.
 */
import { GatePolicy as GatePolicySchema, type Resource } from '@tinyfleet/contracts';
import type { GatePolicy } from './gates/index.js';

export type RolloutPolicy = Resource<'RolloutPolicy'>;
export type StepPolicy = Resource<'RolloutStep'>;

/** 32-bit FNV-1a with murmur3's finalizer: the last characters of names differ most and have to reach all bits. */
export function stableHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const bucketCount = 10_000;

/** 0..9999: jitter, and whether a device that joins later is held back. */
export function bucketOf(seed: string, device: string): number {
  return stableHash(`${seed}/${device}`) % bucketCount;
}

/** What is alike in devices of one stratum. */
export interface Alike {
  readonly type: string;
  readonly site: string;
  readonly firmware: string;
}
export interface Placed extends Alike {
  readonly name: string;
}

/** A step as the engine goes by it. */
export interface StepPlan extends Pick<StepPolicy, 'soakSeconds' | 'maxSoakSeconds' | 'approval'> {
  /** Cumulative share of the target. */
  readonly percent: number;
  /** Devices up to and with this step. */
  readonly limit: number;
  /** Undefined: none. */
  readonly gates?: GatePolicy | undefined;
}

export interface Placement<Device> {
  readonly device: Device;
  readonly bucket: number;
  /** Index of the step that admits it; undefined: held back. */
  readonly step: number | undefined;
}

export type RolloutKind = Resource<'RolloutKind'>;
export const kindOf = ({ shadow, ab }: Pick<RolloutPolicy, 'shadow' | 'ab'>): RolloutKind =>
  shadow ? 'shadow' : ab ? 'ab' : 'update';

type PlacePolicy = Pick<
  RolloutPolicy,
  'steps' | 'holdBackPercent' | 'lastControlPercent' | 'gates' | 'shadow' | 'ab'
>;

/** A comparison is one step with B's share, one question and both ends; the rest is A. A shadow takes its time at the end. */
function inSteps(policy: PlacePolicy): Omit<PlacePolicy, 'shadow' | 'ab'> {
  const { shadow, ab } = policy;
  if (ab) {
    const { metric: kind, margin, alpha, windowSeconds, warmUpSeconds } = ab;
    const gates = GatePolicySchema.parse({
      gates: [{ kind, ...(margin !== undefined && { margin }) }],
      ...{ alpha, windowSeconds, warmUpSeconds },
    });
    const { minSeconds: soakSeconds, maxSeconds: maxSoakSeconds } = ab;
    const { approval } = stepsOf(policy)[0]!;
    const steps = [{ percent: 100, soakSeconds, maxSoakSeconds, approval }];
    return { steps, gates, holdBackPercent: 100 - ab.percent, lastControlPercent: 0 };
  }
  if (!shadow) return policy;
  const steps = stepsOf(policy);
  const last = steps.at(-1)!;
  const soakSeconds = Math.max(last.soakSeconds, shadow.seconds);
  return { ...policy, steps: [...steps.slice(0, -1), { ...last, soakSeconds }] };
}

/** The share of devices that join later and stay as they are, or get release A; by hash, so it is the same whenever asked. */
export const controlPercent = ({
  holdBackPercent,
  ab,
}: Pick<RolloutPolicy, 'holdBackPercent' | 'ab'>): number => (ab ? 100 - ab.percent : holdBackPercent);

/** Every step in its long form. */
export function stepsOf({ steps }: Pick<RolloutPolicy, 'steps'>): StepPolicy[] {
  return steps.map((step) =>
    typeof step === 'number' ? { percent: step, soakSeconds: 0, approval: false } : step,
  );
}

/** Devices in the order in which they are admitted. */
export function inOrder<Device extends Placed>(seed: string, devices: readonly Device[]): Device[] {
  const strata = new Map<string, { device: Device; hash: number }[]>();
  for (const device of devices) {
    const key = `${device.type}\n${device.site}\n${device.firmware}`;
    const stratum = strata.get(key) ?? [];
    if (stratum.length === 0) strata.set(key, stratum);
    stratum.push({ device, hash: stableHash(`${seed}/${device.name}`) });
  }
  return [...strata]
    .flatMap(([key, members]) => {
      // Where between two members of others it begins: else the first of every stratum would come before all second ones.
      const start = stableHash(`${seed}\n${key}`) / 2 ** 32;
      return members
        .sort((a, b) => a.hash - b.hash || byName(a.device, b.device))
        .map(({ device, hash }, rank) => ({ device, hash, position: (rank + start) / members.length }));
    })
    .sort((a, b) => a.position - b.position || a.hash - b.hash || byName(a.device, b.device))
    .map(({ device }) => device);
}

/** Of a step with gates that names none: what is undecided then stays so, and somebody has to hear of it. */
const longestSoakS = 14 * 86_400;

/** @param members names in a group that a step asks for */
export function place<Device extends Placed>(
  seed: string,
  devices: readonly Device[],
  asked: PlacePolicy,
  members: (group: string) => ReadonlySet<string> = () => new Set(),
): { readonly placements: Placement<Device>[]; readonly plan: StepPlan[] } {
  const policy = inSteps(asked);
  const order = inOrder(seed, devices);
  const held = Math.min(order.length - 1, Math.ceil((policy.holdBackPercent * order.length) / 100));
  const body = order.length - Math.max(0, held);
  const step = new Map<Device, number>();
  const plan: StepPlan[] = [];
  let waiting = order.slice(0, body);
  const admit = (chosen: readonly Device[]): void => {
    for (const device of chosen) step.set(device, plan.length);
    waiting = waiting.filter((device) => !step.has(device));
  };
  const close = (policyOf: StepPolicy): void => {
    const { soakSeconds, approval } = policyOf;
    const gates = gatesOf(policyOf, policy.gates);
    const maxSoakSeconds = policyOf.maxSoakSeconds ?? (gates && Math.max(longestSoakS, 2 * soakSeconds));
    const percent = body === 0 ? 100 : Math.round((10_000 * step.size) / body) / 100;
    plan.push({ soakSeconds, maxSoakSeconds, approval, percent, limit: step.size, ...(gates && { gates }) });
  };
  for (const one of withLastControl(policy, held > 0 ? 0 : policy.lastControlPercent)) {
    if (one.group !== undefined) {
      const group = members(one.group);
      admit(waiting.filter(({ name }) => group.has(name)));
    } else {
      const limit = one.count ?? Math.ceil(((one.percent ?? 100) * body) / 100);
      admit(waiting.slice(0, Math.max(0, limit - step.size)));
    }
    close(one);
  }
  const placements = order.map((device) => ({
    device,
    bucket: bucketOf(seed, device.name),
    step: step.get(device),
  }));
  return { placements, plan };
}

/** The gates of the last step need devices whose turn has not come. */
function withLastControl(policy: Pick<RolloutPolicy, 'steps' | 'gates'>, percent: number): StepPolicy[] {
  const steps = stepsOf(policy);
  const last = steps.at(-1)!;
  if (percent === 0 || gatesOf(last, policy.gates) === undefined) return steps;
  const rest: StepPolicy = { percent: 100, soakSeconds: 0, approval: false, gates: [] };
  return [...steps.slice(0, -1), { ...last, percent: 100 - percent }, rest];
}

/** The step's own gates with the certainty of the rollout's. */
function gatesOf({ gates }: StepPolicy, ofAll: GatePolicy | undefined): GatePolicy | undefined {
  if (gates === undefined) return ofAll;
  if (gates.length === 0) return undefined;
  return { ...(ofAll ?? GatePolicySchema.parse({ gates })), gates };
}

const byName = (a: Placed, b: Placed): number => (a.name < b.name ? -1 : 1);
