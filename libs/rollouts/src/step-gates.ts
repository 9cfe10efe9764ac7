/**
 * Judges the gates of a rollout's present step: reads what became of each device and the windows of both sides, and asks
 * the gates. It keeps nothing but how long that took, so that a big fleet is judged less often than a small one.
 */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import type { CohortMetrics } from '@tinyfleet/quality';
import { compareArms } from './ab/compare.js';
import type { GateJudge } from './conductor.js';
import type { Segment, StepVerdict } from './engine.js';
import {
  CohortHours,
  contactOf,
  judge,
  type GateDevice,
  type GateEvidence,
  type GatePolicy,
  type GateVerdict,
} from './gates/index.js';
import type { GateMember, OpenRollout, OpenRollouts } from './ports.js';

export interface StepGateOptions {
  /** Devices of each side whose windows are read; which ones, is settled by their order. All are counted by their state. */
  readonly maxDevicesPerSide: number;
  /** Of the time that passes, the part spent judging is no more than one in so many. */
  readonly dutyCycle: number;
}
export const stepGateDefaults: StepGateOptions = { maxDevicesPerSide: 2_000, dutyCycle: 10 };

/** 2,000 devices with windows of 5 minutes are 24,000 windows of about 1 KB. */
const SLICE_MS = 3_600_000;

export class StepGates implements GateJudge {
  private readonly rested = new Map<string, number>();

  constructor(
    private readonly open: Pick<OpenRollouts, 'gateMembers'>,
    private readonly metrics: CohortMetrics,
    private readonly options: StepGateOptions = stepGateDefaults,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  async judge(
    scope: ProjectScope,
    rollout: OpenRollout,
  ): Promise<{ verdict: StepVerdict; reports: readonly object[] } | undefined> {
    const policy = rollout.plan[rollout.step]?.gates;
    if (!policy) return undefined;
    const key = `${rollout.id}/${rollout.step}`;
    const began = this.monotonicMs();
    if (began < (this.rested.get(key) ?? 0)) return undefined;
    const members = await this.open.gateMembers(scope, rollout.id, rollout.step);
    const devices = members.map((member) => toDevice(member, rollout));
    const hours = new CohortHours();
    const warmUpMs = policy.warmUpSeconds * 1_000;
    for (const arm of ['step', 'control'] as const)
      await this.addWindows(hours, scope, members, { arm, rollout, warmUpMs });
    const { soakSeconds = 0, maxSoakSeconds } = rollout.plan[rollout.step] ?? {};
    const evidence = {
      step: rollout.step,
      steps: rollout.plan.filter(({ gates }) => gates !== undefined).length,
      stepDevices: devices.filter(({ arm }) => arm === 'step').length,
      soakedMs: (rollout.soakedSeconds ?? 0) * 1_000,
      minSoakMs: soakSeconds * 1_000,
      maxSoakMs: maxSoakSeconds === undefined ? null : maxSoakSeconds * 1_000,
      devices,
      ledger: hours.ledger(this.sampled(members), policy),
    };
    const judged = rollout.policy.ab ? compared(policy, evidence, rollout) : stepJudged(policy, evidence);
    const now = this.monotonicMs();
    for (const [other, until] of this.rested) if (until <= now) this.rested.delete(other);
    this.rested.set(key, now + (now - began) * this.options.dutyCycle);
    return judged;
  }

  /** The first of each side, in the order in which they are admitted. */
  private sampled(members: readonly GateMember[]): GateMember[] {
    return (['step', 'control'] as const).flatMap((arm) =>
      members.filter((one) => one.arm === arm).slice(0, this.options.maxDevicesPerSide),
    );
  }

  /**
   * Windows of the new version since each device became active; of the old one while its turn has not come. Read in slices, since
   * a rollout may last for weeks.
   */
  private async addWindows(
    hours: CohortHours,
    scope: ProjectScope,
    members: readonly GateMember[],
    { arm, rollout, warmUpMs }: { arm: GateMember['arm']; rollout: OpenRollout; warmUpMs: number },
  ): Promise<void> {
    const byRelease = new Map<string, GateMember[]>();
    for (const member of this.sampled(members)) {
      if (member.arm !== arm || member.release === null) continue;
      const same = byRelease.get(member.release) ?? [];
      if (same.length === 0) byRelease.set(member.release, same);
      same.push(member);
    }
    const endMs = rollout.now.getTime();
    for (const [release, same] of byRelease) {
      const bounds = new Map(same.map((one) => [one.device, one]));
      const devices = [...bounds.keys()];
      for (let fromMs = rollout.createdAt.getTime(); fromMs < endMs; fromMs += SLICE_MS) {
        const toMs = Math.min(endMs, fromMs + SLICE_MS);
        const windows = await this.metrics.windows(scope, { release, devices, fromMs, toMs });
        hours.add(
          arm,
          windows.filter(({ device, windowStartMs, windowMs }) => {
            const { sinceMs, untilMs } = bounds.get(device)!;
            const hasSwitched = arm === 'step' || rollout.rival !== null;
            const from = hasSwitched ? (sinceMs ?? Infinity) + warmUpMs : rollout.createdAt.getTime();
            return windowStartMs >= from && windowStartMs + windowMs <= (untilMs ?? Infinity);
          }),
        );
      }
    }
  }
}

interface Judged {
  readonly verdict: StepVerdict;
  readonly reports: readonly object[];
}

function stepJudged(policy: GatePolicy, evidence: GateEvidence): Judged {
  const verdict = judge(policy, evidence);
  return { verdict: toStepVerdict(verdict), reports: [verdict] };
}

/** A comparison never fails: it is over when it is clear, or its time is. */
function compared(policy: GatePolicy, evidence: GateEvidence, rollout: OpenRollout): Judged {
  const { outcome, words, effects, gates } = compareArms(policy, evidence);
  const report: Resource<'AbReport'> = {
    outcome,
    release: rollout.release.ref,
    against: rollout.rival?.ref ?? null,
    percent: rollout.policy.ab!.percent,
    effects: [...effects],
    judgedAt: rollout.now.toISOString(),
  };
  return { verdict: { outcome: gates.outcome, reason: words }, reports: [gates, report] };
}

function toDevice(member: GateMember, { now }: OpenRollout): GateDevice {
  const { device, arm, type, site, install, selfTest, sinceMs } = member;
  const contact =
    sinceMs === null || member.untilMs !== null
      ? null
      : contactOf({
          sinceMs,
          lastContactMs: member.lastContactMs,
          nextContactByMs: member.nextContactByMs,
          isConnected: member.isConnected,
          nowMs: now.getTime(),
        });
  return { device, arm, type, site, install, selfTest, contact };
}

function toStepVerdict({ outcome, words, segments }: GateVerdict): StepVerdict {
  const [first] = segments;
  const segment: Segment | undefined =
    first && (first.by === 'type' ? { deviceType: first.value } : { site: first.value });
  return { outcome, reason: words, ...(segment && { segment }) };
}
