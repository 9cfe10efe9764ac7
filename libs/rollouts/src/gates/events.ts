/**
 * Gates that count devices: installations that failed or did not end, failed self-tests, silence.
 *
 * Of m devices with an end, N had the event. A step no worse than its margin has at most L = m x margin + C of them,
 * C being what the control's devices of the same types and sites lead one to expect (0 where a control has no such
 * event: it installs nothing). N against L by the e-process of poisson-mixture.ts.
 * The control is counted at the same moment and by the same rule, so what silences a site silences both sides. A site
 * most of whose control is silent is out: nobody there is in a denominator until it is back.
 * C is uncertain when the control is small: it is taken at its always-valid upper bound when the step is to fail, at its
 * lower bound when it is to pass, for a fifth of the error that is allowed.
 * Silence may end, so that N can fall again; it never exceeds the number of devices that were ever silent, for which the
 * e-process holds however often it is looked at.
 */
import { evidenceOfFewer, evidenceOfMore, lowerExpected, upperExpected } from '@tinyfleet/quality';
import type { GateDevice } from './evidence.js';
import type { GateKind } from './kinds.js';
import type { Stratum } from './ledger.js';

/** A site is out when so large a share of its control is silent, and at least so many devices. */
const outShare = 0.5;
const leastControlToBeOut = 3;
const controlsPart = 0.2;

type EventKind = Extract<
  GateKind,
  'install-success' | 'install-failure' | 'install-timeout' | 'self-test' | 'silence'
>;

interface StratumCounts extends Stratum {
  devices: number;
  events: number;
  controlDevices: number;
  controlEvents: number;
  pending: number;
}

export interface EventCounts {
  readonly kind: EventKind;
  readonly strata: readonly StratumCounts[];
  readonly sitesOut: readonly string[];
}

export interface EventBounds {
  readonly devices: number;
  readonly events: number;
  readonly controlDevices: number;
  readonly controlEvents: number;
  readonly pending: number;
  /** Share of the step's devices beyond what the control leads one to expect. */
  readonly excess: number;
  /** Always-valid bounds of that share. */
  readonly bounds: () => { readonly low: number; readonly high: number };
  /** E-value against "no worse than the margin". */
  readonly evidence: number;
  readonly isMore: boolean;
  readonly isFewer: boolean;
}

export interface DeviceGroup extends Stratum {
  readonly devices: GateDevice[];
}

export function groupByStratum(devices: readonly GateDevice[]): DeviceGroup[] {
  const groups = new Map<string, Map<string, DeviceGroup>>();
  for (const device of devices) {
    const { type, site } = device;
    let sites = groups.get(type);
    if (!sites) groups.set(type, (sites = new Map<string, DeviceGroup>()));
    let group = sites.get(site);
    if (!group) sites.set(site, (group = { type, site, devices: [] }));
    group.devices.push(device);
  }
  return [...groups.values()].flatMap((sites) => [...sites.values()]);
}

export function countEvents(kind: EventKind, groups: readonly DeviceGroup[]): EventCounts {
  const all = groups.map(({ type, site, devices }) => {
    const counts = { type, site, devices: 0, events: 0, controlDevices: 0, controlEvents: 0, pending: 0 };
    for (const device of devices) {
      const event = eventOf(kind, device);
      if (event === null) {
        if (device.arm === 'step') counts.pending++;
      } else if (device.arm === 'step') {
        counts.devices++;
        if (event) counts.events++;
      } else {
        counts.controlDevices++;
        if (event) counts.controlEvents++;
      }
    }
    return counts;
  });
  const sitesOut = kind === 'silence' ? findSitesOut(all) : [];
  return { kind, strata: all.filter(({ site }) => !sitesOut.includes(site)), sitesOut };
}

/** Null: in no denominator. */
function eventOf(kind: EventKind, { arm, install, selfTest, contact }: GateDevice): boolean | null {
  if (kind === 'silence') return contact === null || contact === 'pending' ? null : contact === 'silent';
  if (arm === 'control') return null;
  if (kind === 'self-test') return selfTest === null ? null : selfTest === 'failed';
  if (install === null || install === 'moving') return null;
  if (kind === 'install-success') return install !== 'active';
  return kind === 'install-failure' ? install === 'failed' : install === 'timed-out';
}

function findSitesOut(strata: readonly StratumCounts[]): string[] {
  const sites = new Map<string, { devices: number; events: number }>();
  for (const { site, controlDevices, controlEvents } of strata) {
    const sum = sites.get(site) ?? { devices: 0, events: 0 };
    sum.devices += controlDevices;
    sum.events += controlEvents;
    sites.set(site, sum);
  }
  return [...sites]
    .filter(([, sum]) => sum.events >= leastControlToBeOut && sum.events >= outShare * sum.devices)
    .map(([site]) => site);
}

export function boundEvents(
  counts: EventCounts,
  includes: (stratum: Stratum) => boolean,
  {
    margin,
    alpha,
    passAlpha,
  }: { readonly margin: number; readonly alpha: number; readonly passAlpha: number },
): EventBounds | undefined {
  let [devices, events, controlDevices, controlEvents, pending, expected] = [0, 0, 0, 0, 0, 0];
  for (const stratum of counts.strata) {
    if (!includes(stratum)) continue;
    devices += stratum.devices;
    events += stratum.events;
    pending += stratum.pending;
    controlDevices += stratum.controlDevices;
    controlEvents += stratum.controlEvents;
    if (stratum.devices > 0) expected += stratum.devices * controlShare(counts.strata, stratum);
  }
  if (devices === 0) return undefined;
  const hasControl = counts.kind === 'silence' && controlDevices > 0;
  const own = hasControl ? 1 - controlsPart : 1;
  // What one event of the control stands for in the step.
  const perEvent = controlEvents > 0 ? expected / controlEvents : devices / Math.max(1, controlDevices);
  const most = hasControl ? perEvent * upperExpected(controlEvents, alpha * controlsPart) : 0;
  const least = hasControl ? perEvent * lowerExpected(controlEvents, passAlpha * controlsPart) : 0;
  const evidence = evidenceOfMore(events, devices * margin + most);
  return {
    devices,
    events,
    controlDevices,
    controlEvents,
    pending,
    excess: (events - expected) / devices,
    bounds: () => ({
      low: (lowerExpected(events, alpha * own) - most) / devices,
      high: (upperExpected(events, passAlpha * own) - least) / devices,
    }),
    evidence,
    isMore: evidence >= 1 / (alpha * own),
    isFewer: evidenceOfFewer(events, devices * margin + least) >= 1 / (passAlpha * own),
  };
}

/** Of the stratum, else of its type: never of other types. */
function controlShare(strata: readonly StratumCounts[], own: StratumCounts): number {
  if (own.controlDevices > 0) return own.controlEvents / own.controlDevices;
  let [devices, events] = [0, 0];
  for (const { type, controlDevices, controlEvents } of strata) {
    if (type !== own.type) continue;
    devices += controlDevices;
    events += controlEvents;
  }
  return devices > 0 ? events / devices : 0;
}
