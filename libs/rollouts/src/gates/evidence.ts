/** What a gate is judged by: the clocks of the step, what became of each device, and the ledger of their windows. */
import type { CohortLedger, CohortMember } from './ledger.js';

export interface GateDevice extends CohortMember {
  /** Of the deployment; null for the control. moving: no end yet, and in no denominator. */
  readonly install: 'moving' | 'active' | 'failed' | 'timed-out' | null;
  /** Null: it did not come so far, or says nothing of it. */
  readonly selfTest: 'passed' | 'failed' | null;
  /**
   * Since it became active (step) or the gate opened (control). heard: since then, and expected no earlier than now.
   * pending: neither heard of since nor due, so it is in no denominator. silent: `nextContactBy` has passed.
   * Null: not active yet.
   */
  readonly contact: 'heard' | 'pending' | 'silent' | null;
}

export interface GateEvidence {
  /** 0-based, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Devices that this step and those before it offer the release, with those still under way. */
  readonly stepDevices: number;
  /** Clock time of the soak without our own outages: see soakedMs(). */
  readonly soakedMs: number;
  readonly minSoakMs: number;
  /** Null: it may take for ever. */
  readonly maxSoakMs: number | null;
  readonly devices: readonly GateDevice[];
  /** Its members are of the same device, arm, type and site as `devices`, in any order; a sample of them is enough. */
  readonly ledger: CohortLedger;
}

/** A time in which the platform could hear nobody, [fromMs, toMs). */
export interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
}

/** How long a gate has been open, its clock stopped during our own outages. They may overlap. */
export function soakedMs(openedAtMs: number, nowMs: number, outages: readonly Outage[]): number {
  let soaked = Math.max(0, nowMs - openedAtMs);
  let counted = openedAtMs;
  for (const { fromMs, toMs } of [...outages].sort((a, b) => a.fromMs - b.fromMs)) {
    const from = Math.max(fromMs, counted);
    const to = Math.min(toMs, nowMs);
    if (to <= from) continue;
    soaked -= to - from;
    counted = to;
  }
  return soaked;
}

/** The state of a device for the silence gate. Times in unix ms. */
export function contactOf(device: {
  /** Active, or the gate opened. */
  readonly sinceMs: number;
  readonly lastContactMs: number | null;
  /** From presence: our outages are in it already. */
  readonly nextContactByMs: number | null;
  readonly isConnected: boolean;
  readonly nowMs: number;
}): 'heard' | 'pending' | 'silent' {
  const { sinceMs, lastContactMs, nextContactByMs, isConnected, nowMs } = device;
  if (isConnected) return 'heard';
  if (nextContactByMs !== null && nextContactByMs < nowMs) return 'silent';
  return lastContactMs !== null && lastContactMs > sinceMs ? 'heard' : 'pending';
}
