/**
 * Compares devices that no watch knows yet, a few times while they are new: when a device has so many windows it is held against others
 * that have as many. Each look has windows of its own, twice as many as the one before; after the last, the watch has learned what the
 * device does. A device that is not like the others is an alert; a later look that finds nothing ends it. After the
 * last look, or when the watch has learned, only a person does: what a device did from the start its own past cannot show.
 *
 * The expected number of false alerts, over all looks of all devices that are compared at a time, is at most `falsePages`: a
 * finding needs p <= falsePages / (devices x streams x looks), by linearity whatever depends on what.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { ENGINE, openAlert, resolveAlert } from '../alerts/life.js';
import type { HeldAlert, NewAlert } from '../alerts/ports.js';
import { verdictOf } from '../drift/verdict.js';
import type { WatchedProject, WatchSchema } from '../watch/ports.js';
import { COUNTERS } from '../watch/reference.js';
import {
  comparePeers,
  LEAST_PEERS,
  peerReference,
  peerStreams,
  type PeerFinding,
  type PeerReference,
  type PeerResult,
} from './compare.js';
import type { PeerReader, PeerRecord, PeerStores } from './ports.js';

export interface PeerOptions {
  /** False alerts that all looks of the devices compared at a time may cost, expected. */
  readonly falsePages: number;
  /** Windows of the first look; each further one has twice as many. */
  readonly firstWindows: number;
  readonly looks: number;
  /** A window of fewer inferences is not counted. */
  readonly leastN: number;
  /** Devices judged at a time, and others that they are held against. */
  readonly maxJudged: number;
  readonly maxOthers: number;
  /** How often it is looked, at least and at most; between them eight times a round. */
  readonly minLookMs: number;
  readonly maxLookMs: number;
}
export const peerDefaults: PeerOptions = {
  falsePages: 0.02,
  firstWindows: 8,
  looks: 3,
  leastN: 5,
  maxJudged: 200,
  maxOthers: 60,
  minLookMs: 5_000,
  maxLookMs: 600_000,
};

interface Look {
  /** Windows of each device. */
  readonly count: number;
  readonly judged: readonly string[];
  readonly others: readonly string[];
}

export class PeerKeeper {
  private readonly lookedAtMs = new Map<string, number>();
  /** By model and schema, how many devices can be compared, and since when somebody is due. */
  private readonly waiting = new Map<string, { devices: number; sinceMs: number }>();

  constructor(
    private readonly reader: PeerReader,
    private readonly transact: Transact<PeerStores>,
    private readonly newId: () => string,
    private readonly nowMs: () => number = Date.now,
    private readonly options: PeerOptions = peerDefaults,
  ) {}

  /** What fails of one project holds up no other; the first such is thrown last. */
  async turn(): Promise<void> {
    const failures: unknown[] = [];
    for (const project of await this.reader.projects()) {
      if (!this.isDue(project)) continue;
      try {
        await this.turnOf(project);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  private isDue({ scope, roundMs }: WatchedProject): boolean {
    const { minLookMs, maxLookMs } = this.options;
    const now = this.nowMs();
    const after = Math.min(maxLookMs, Math.max(minLookMs, roundMs / 8));
    if (now - (this.lookedAtMs.get(scope.id) ?? -Infinity) < after) return false;
    this.lookedAtMs.set(scope.id, now);
    return true;
  }

  private async turnOf(project: WatchedProject): Promise<void> {
    const { scope, roundMs } = project;
    const now = this.nowMs();
    const fromMs = now - 2 * this.windowsUntil(this.options.looks) * roundMs;
    const watches = await this.reader.watches(scope);
    for (const schema of await this.reader.schemas(scope, fromMs, now)) {
      const isLearned = watches.some(
        (one) =>
          one.state === 'watching' &&
          one.modelId === schema.modelId &&
          one.schemaCrc === schema.schemaCrc &&
          one.confidenceBins === schema.confidenceBins &&
          one.classCount === schema.classCount,
      );
      if (!isLearned) await this.compare(project, schema, fromMs);
    }
  }

  private async compare(project: WatchedProject, schema: WatchSchema, fromMs: number): Promise<void> {
    const { scope } = project;
    const build = await this.reader.build(scope, schema);
    const reference = build && peerReference(build.baseline, COUNTERS);
    if (!reference) return;
    const { leastN } = this.options;
    const counts = await this.reader.windowCounts(scope, schema, { fromMs, leastN });
    const record = (await this.reader.record(scope, schema)) ?? { id: this.newId(), looks: {} };
    for (let look = this.options.looks; look >= 1; look--) {
      const found = this.lookOf(look, counts, record);
      if (!found) continue;
      const comparable = counts.filter(({ windows }) => windows >= found.count).length;
      if (this.isToWait(project, keyOf(schema), comparable)) return;
      await this.look({ project, schema, reference, record, fromMs, look }, found);
      // The next turn goes on with what was written.
      return;
    }
  }

  /** While devices join, the first would be held against few: until no more came since the last time, or for four rounds. */
  private isToWait({ roundMs }: WatchedProject, id: string, devices: number): boolean {
    const now = this.nowMs();
    const known = this.waiting.get(id);
    if (known && (known.devices === devices || now - known.sinceMs >= 4 * roundMs)) {
      this.waiting.delete(id);
      return false;
    }
    this.waiting.set(id, { devices, sinceMs: known?.sinceMs ?? now });
    return true;
  }

  /** Windows that a device has to have for so many looks. */
  private windowsUntil(looks: number): number {
    return this.options.firstWindows * (2 ** looks - 1);
  }

  /** Undefined: nobody is due, or too few have as many windows. */
  private lookOf(
    look: number,
    counts: readonly { device: string; windows: number }[],
    { looks }: PeerRecord,
  ): Look | undefined {
    const due = counts.filter(
      ({ device, windows }) => windows >= this.windowsUntil(look) && (looks[device] ?? 0) < look,
    );
    if (due.length === 0) return undefined;
    const judged = due.slice(0, this.options.maxJudged).map(({ device }) => device);
    const taken = new Set(judged);
    const count = this.options.firstWindows * 2 ** (look - 1);
    const rest = counts.filter(({ device, windows }) => windows >= count && !taken.has(device));
    // Evenly of all there are.
    const every = Math.max(1, Math.ceil(rest.length / this.options.maxOthers));
    const others = rest.filter((_, i) => i % every === 0).map(({ device }) => device);
    return judged.length + others.length > LEAST_PEERS ? { count, judged, others } : undefined;
  }

  private async look(given: Given, { count, judged, others }: Look): Promise<void> {
    const { scope } = given.project;
    const { schema, reference, record, fromMs } = given;
    const { leastN, falsePages, looks } = this.options;
    const ids = [...judged, ...others].sort();
    const windows = await this.reader.newest(scope, schema, { fromMs, leastN, count, devices: ids });
    const byDevice = new Map(ids.map((id) => [id, windows.filter(({ device }) => device === id)]));
    const streams = peerStreams(reference).length;
    const results = comparePeers(
      ids.map((id) => byDevice.get(id)!),
      judged.map((id) => ids.indexOf(id)),
      reference,
      falsePages / (ids.length * streams * looks),
    );
    const found = new Map((results ?? []).map((one) => [ids[one.device]!, one]));
    const devices = new Map((await this.reader.devices(scope, judged)).map((one) => [one.id, one.name]));
    await this.transact(async (stores) => {
      const { id } = record;
      const next = { ...record.looks };
      for (const device of judged) next[device] = given.look;
      for (const held of await stores.alerts.held(scope, id)) {
        const device = held.incident.devices[0]!;
        if (held.state === 'resolved') {
          // What a person has accepted is not held against the device again; what one has resolved, not by the next look.
          if (held.accepted) next[device] = looks;
          else if (!judged.includes(device)) continue;
          await this.release(stores, scope, held);
          found.delete(device);
        } else if (results && judged.includes(device) && !found.has(device))
          await this.end(stores, scope, held, count);
      }
      await stores.peers.put(scope, schema, { id, looks: next });
      for (const [device, result] of found) {
        const name = devices.get(device);
        if (name === undefined) continue;
        const own = byDevice.get(device)!;
        const alert = alertOf(given, { device, name, result, windows: own.length });
        const fromAt = Math.min(...own.map(({ atMs }) => atMs));
        const atMs = Math.max(...own.map(({ atMs }) => atMs)) + given.project.roundMs;
        const evidence = { ...alert.evidence, changedAt: new Date(fromAt).toISOString() };
        await openAlert(stores, scope, { ...alert, evidence, atMs }, given.project.settings);
      }
    });
  }

  private async release({ alerts }: PeerStores, scope: ProjectScope, held: HeldAlert): Promise<void> {
    await alerts.change(scope, held.number, {
      ...{ state: 'resolved', by: '', accepted: held.accepted, released: true },
    });
  }

  private async end(stores: PeerStores, scope: ProjectScope, held: HeldAlert, count: number): Promise<void> {
    const alert = await stores.alerts.lock(scope, held.number);
    if (alert.state === 'resolved') return;
    const text = `like the others over its newest ${count} windows`;
    await resolveAlert(stores, scope, alert, { by: ENGINE, text, released: true, calm: true });
  }
}

interface Given {
  readonly project: WatchedProject;
  readonly schema: WatchSchema;
  readonly reference: PeerReference;
  readonly record: PeerRecord;
  readonly fromMs: number;
  /** Which one of a device's looks this is, from 1 on. */
  readonly look: number;
}

const keyOf = ({ modelId, schemaCrc, confidenceBins, classCount }: WatchSchema): string =>
  [modelId, schemaCrc, confidenceBins, classCount].join(' ');

/** Statements of an alert, at most. */
const MOST_STATEMENTS = 5;

function alertOf(
  { project, schema, record }: Given,
  given: {
    readonly device: string;
    readonly name: string;
    readonly result: PeerResult;
    readonly windows: number;
  },
): Omit<NewAlert, 'atMs'> {
  const { device, name, result, windows } = given;
  const { findings, others } = result;
  const features = findings.filter(({ stream }) => stream.kind !== 'counter');
  const verdict = verdictOf(
    {
      scope: { kind: 'device', device: 0 },
      shifts: features.map(({ stream, shift, score }) => ({
        ...{ feature: stream.name, mean: shift, spread: 1, score },
      })),
      counters: findings
        .filter(({ stream }) => stream.kind === 'counter')
        .map((one) => ({ name: one.stream.name, now: one.value, before: one.others })),
    },
    () => name,
  );
  const { settings, roundMs } = project;
  return {
    ...{ kind: 'drift', severity: 'warning', scope: 'device', subject: `device=${name}` },
    ...{ verdict: verdict.kind, title: verdict.title, model: schema.model, owner: settings.owner },
    watch: record.id,
    incident: {
      ...{ stream: 0, shift: findings[0]!.shift, devices: [device], openedRound: 0, calm: 0 },
    },
    evidence: {
      statements: [
        ...verdict.evidence,
        ...features.slice(0, MOST_STATEMENTS).map(wordsOf),
        `it has no history of its own: ${windows} windows were compared with as many of ${others} others`,
      ],
      shifts: findings.slice(0, 20).map(({ stream, shift, score }) => ({
        ...{ stream: stream.name, shift, windows, score },
      })),
      ...{ changedAt: null, roundSeconds: Math.round(roundMs / 1_000), devices: [name], deviceCount: 1 },
      ...{ baseline: null, arl0: null, falseDiscoveryRate: null, formula: formulaOf(findings[0]!) },
      judgedAgainst: `${others} other devices that run ${schema.model}, after what they did is taken out`,
    },
  };
}

function formulaOf({ stream }: PeerFinding): NonNullable<NewAlert['evidence']['formula']> {
  const statistic = stream.kind === 'low' || stream.kind === 'high' ? 'range' : stream.kind;
  return `${statistic}-against-other-devices`;
}

function wordsOf({ stream, value, others }: PeerFinding): string {
  const [own, theirs] = [value.toPrecision(3), others.toPrecision(3)];
  return stream.kind === 'level'
    ? `${stream.name}: ${own} beside what its predicted classes explain, the others ${theirs}`
    : `${stream.name}: ${own}, the others ${theirs}`;
}
