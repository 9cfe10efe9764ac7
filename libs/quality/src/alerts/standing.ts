/**
 * Alerts about what is so, not about what moved: devices that stay on a revoked release, devices that are later than they said, and
 * nobody there to hear them. They need no healthy period, and end by themselves when it is so no more. One that a person resolved is not
 * opened again for a day, so or not. The edges' own absence comes first: while it lasts nothing is known of devices.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { attributesOfDevice } from '../watch/fleet.js';
import { subjectOf } from '../watch/incidents.js';
import type { WatchedDevice } from '../watch/ports.js';
import { findSilence } from '../watch/silence.js';
import { ENGINE, calmNeeded, openAlert, resolveAlert } from './life.js';
import type { Alert, AlertEvidence, AlertStores, NewAlert } from './ports.js';
import { openSilence } from './silence.js';

/** Devices that run what was revoked. */
export interface StayingDevices {
  readonly scope: ProjectScope;
  readonly model: string;
  /** `model@version` */
  readonly release: string;
  readonly revokedAtMs: number;
  readonly by: string;
  readonly reason: string;
  readonly devices: readonly { readonly id: string; readonly name: string; readonly seenAtMs: number }[];
}
/** A device that is there, or was due within the last day. */
export interface ExpectedDevice extends WatchedDevice {
  /** `model@version` that it runs. */
  readonly release: string | null;
  /** Away, and the time of its next contact has passed. */
  readonly isLate: boolean;
}
/** Open, or resolved by a person within a day. */
export interface StandingAlert {
  readonly scope: ProjectScope;
  readonly number: number;
  readonly kind: Alert['kind'];
  readonly subject: string;
  readonly isOpen: boolean;
  readonly reopened: number;
  readonly incident: NewAlert['incident'];
}
/** All projects, outside of transactions. */
export interface StandingReader {
  /** Unix ms at which an edge was last alive, when it is not any more. */
  edgeAwaySince(): Promise<number | null>;
  /** With devices that were heard within a day. */
  active(): Promise<readonly ProjectScope[]>;
  staying(mostDevices: number): Promise<readonly StayingDevices[]>;
  /** Projects in which at least so many devices are late. */
  late(least: number): Promise<readonly ProjectScope[]>;
  expected(scope: ProjectScope, most: number): Promise<readonly ExpectedDevice[]>;
  alerts(): Promise<readonly StandingAlert[]>;
}
export interface StandingOptions {
  /** An edge that is away for so long is missed: one that is restarted is not. Default 2 minutes. */
  readonly awayMs: number;
  /** Devices of one project, and of one release, that are looked at. Default 20,000. */
  readonly mostDevices: number;
  /** Looks in a row at which most devices are heard again, before their silence is over. Default 2. */
  readonly calmLooks: number;
}
export const standingDefaults: StandingOptions = { awayMs: 120_000, mostDevices: 20_000, calmLooks: 2 };

type Told = Pick<NewAlert, 'kind' | 'scope' | 'subject' | 'title' | 'model'> & {
  readonly formula: NonNullable<AlertEvidence['formula']>;
  readonly statements: readonly string[];
  readonly sinceMs: number;
  readonly devices: readonly { readonly id: string; readonly name: string }[];
};
type Stores = Pick<AlertStores, 'alerts' | 'qualitySettings' | 'events'>;

/** Fewer silent devices are no fleet. */
const LEAST_LATE = 3;
/** A device is in time at nine contacts of ten at least: it names the time itself, or it is twice what it usually takes. */
const PRESENCE = 0.9;
const SHOWN_DEVICES = 50;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export class StandingAlerts {
  /** When this process first found that the edges are away: a start in the right order is no outage. */
  private awaySinceMs: number | undefined;

  constructor(
    private readonly reader: StandingReader,
    private readonly transact: Transact<Stores>,
    private readonly nowMs: () => number = Date.now,
    private readonly options: StandingOptions = standingDefaults,
  ) {}

  /** What fails of one project holds up no other; the first such is thrown last. */
  async turn(): Promise<void> {
    const failures: unknown[] = [];
    const tried = async (work: () => Promise<void>): Promise<void> =>
      await work().catch((error: unknown) => void failures.push(error));
    const known = await this.reader.alerts();
    const aliveAtMs = await this.reader.edgeAwaySince();
    if (aliveAtMs !== null) await this.lookAway(aliveAtMs, known, tried);
    else {
      this.awaySinceMs = undefined;
      for (const one of openOf(known, 'away'))
        await tried(async () => this.end(one, 'devices can reach the server again'));
      await this.lookRevoked(known, tried);
      await this.lookLate(known, tried);
    }
    if (failures.length > 0) throw failures[0];
  }

  private async lookAway(aliveAtMs: number, known: readonly StandingAlert[], tried: Tried): Promise<void> {
    this.awaySinceMs ??= this.nowMs();
    if (this.nowMs() - this.awaySinceMs < this.options.awayMs) return;
    for (const scope of await this.reader.active())
      await tried(async () =>
        this.tell(scope, known, {
          ...{ kind: 'away', scope: 'everyone', subject: 'everyone', model: null },
          formula: 'no-edge',
          title: 'Away: no device can reach the server',
          statements: [`no edge has been alive since ${iso(aliveAtMs)}; what devices send waits in them`],
          ...{ sinceMs: aliveAtMs, devices: [] },
        }),
      );
  }

  private async lookRevoked(known: readonly StandingAlert[], tried: Tried): Promise<void> {
    const staying = await this.reader.staying(this.options.mostDevices);
    const held = new Set<StandingAlert>();
    for (const one of staying) {
      const { scope, model, release, revokedAtMs, by, reason, devices } = one;
      const subject = `version=${release}`;
      const open = find(known, scope, 'revoked', subject);
      // What fails is not over: it is judged again at the next look.
      if (open) held.add(open);
      const isOver = (): void => {
        if (open) held.delete(open);
      };
      await tried(async () => {
        const { revokedAfterMinutes } = await this.transact(async ({ qualitySettings }) =>
          qualitySettings.get(scope),
        );
        if (revokedAfterMinutes === null) return isOver();
        const dueMs = revokedAtMs + revokedAfterMinutes * MINUTE_MS;
        // Who was not heard since could not leave it.
        const heard = devices.filter(({ seenAtMs }) => seenAtMs > dueMs);
        if (this.nowMs() < dueMs || heard.length === 0) return isOver();
        const absent = devices.length - heard.length;
        await this.tell(scope, known, {
          ...{ kind: 'revoked', scope: 'attribute', subject, model },
          formula: 'revoked-release',
          title: `Revoked: devices stay on ${release}`,
          statements: [
            `${release} was revoked at ${iso(revokedAtMs)} by ${by}${reason && `: ${reason}`}`,
            `${heard.length} devices run it and were heard after the ${revokedAfterMinutes} minutes they had`,
            ...(absent > 0 ? [`${absent} more were not heard since`] : []),
          ],
          ...{ sinceMs: dueMs, devices: heard },
        });
      });
    }
    for (const one of openOf(known, 'revoked'))
      if (!held.has(one)) await tried(async () => this.end(one, 'no device that is heard runs it any more'));
  }

  private async lookLate(known: readonly StandingAlert[], tried: Tried): Promise<void> {
    const late = await this.reader.late(LEAST_LATE);
    const open = openOf(known, 'silence');
    const scopes = new Map([...late, ...open.map(({ scope }) => scope)].map((scope) => [scope.id, scope]));
    for (const scope of scopes.values())
      await tried(async () => {
        const devices = await this.reader.expected(scope, this.options.mostDevices);
        for (const one of open) if (one.scope.id === scope.id) await this.judgeSilence(one, devices);
        const found = findSilence(
          devices.map((one) => attributesOfDevice(one, one.release ?? undefined)),
          {
            expected: devices.map((_, j) => j),
            silent: devices.flatMap(({ isLate }, j) => (isLate ? [j] : [])),
            presence: PRESENCE,
          },
        );
        if (!found) return;
        const subject = subjectOf(found.scope, (j) => devices[j]!.name);
        if (open.some((one) => one.scope.id === scope.id && one.subject === 'everyone')) return;
        await this.tell(scope, known, {
          ...{ kind: 'silence', scope: found.scope.kind, subject, model: null },
          formula: 'late-contacts',
          title: `Silent: ${found.scope.kind === 'everyone' ? 'the whole fleet' : subject}`,
          statements: [
            `${found.silent.length} of ${found.expected} devices are later than the time of their next contact`,
          ],
          ...{ sinceMs: this.nowMs(), devices: found.silent.map((j) => devices[j]!) },
        });
      });
  }

  /** Over when most of those that were silent are heard, some looks in a row. */
  private async judgeSilence(one: StandingAlert, devices: readonly ExpectedDevice[]): Promise<void> {
    const { scope, number, incident, reopened } = one;
    const here = new Set(devices.filter(({ isLate }) => !isLate).map(({ id }) => id));
    const heard = incident.devices.filter((id) => here.has(id)).length;
    const calm = 2 * heard > incident.devices.length ? incident.calm + 1 : 0;
    if (calm >= calmNeeded(this.options.calmLooks, reopened))
      await this.end(one, `${heard} of ${incident.devices.length} devices are heard again`);
    else if (calm !== incident.calm)
      await this.transact(async ({ alerts }) => alerts.setCalm(scope, number, calm));
  }

  private async tell(scope: ProjectScope, known: readonly StandingAlert[], told: Told): Promise<void> {
    const { statements, sinceMs, devices, formula, ...alert } = told;
    if (find(known, scope, alert.kind, alert.subject)) return;
    await this.transact(async (stores) => {
      const settings = await stores.qualitySettings.get(scope);
      const whole: NewAlert = {
        ...alert,
        ...{ severity: 'critical', verdict: null, watch: null, atMs: this.nowMs(), owner: settings.owner },
        evidence: {
          ...{ statements: [...statements], shifts: [], changedAt: iso(sinceMs), roundSeconds: null },
          devices: devices.slice(0, SHOWN_DEVICES).map(({ name }) => name),
          deviceCount: devices.length,
          ...{ baseline: null, judgedAgainst: '', arl0: null, falseDiscoveryRate: null, formula },
        },
        incident: { stream: 0, shift: 0, devices: devices.map(({ id }) => id), openedRound: 0, calm: 0 },
      };
      if (alert.kind === 'silence')
        await openSilence(stores, scope, whole, { sinceMs: this.nowMs() - DAY_MS, settings });
      else await openAlert(stores, scope, whole, settings);
    });
  }

  private async end({ scope, number }: StandingAlert, text: string): Promise<void> {
    await this.transact(async (stores) => {
      const alert = await stores.alerts.lock(scope, number);
      if (alert.state === 'resolved') return;
      await resolveAlert(stores, scope, alert, { by: ENGINE, text, released: true, calm: true });
    });
  }
}

type Tried = (work: () => Promise<void>) => Promise<void>;

const iso = (ms: number): string => new Date(ms).toISOString();
const openOf = (known: readonly StandingAlert[], kind: Alert['kind']): StandingAlert[] =>
  known.filter((one) => one.isOpen && one.kind === kind);
const find = (
  known: readonly StandingAlert[],
  scope: ProjectScope,
  kind: Alert['kind'],
  subject: string,
): StandingAlert | undefined =>
  known.find((one) => one.scope.id === scope.id && one.kind === kind && one.subject === subject);
