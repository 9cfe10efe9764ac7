/** What alerts need from storage. */
import type { AuditLog, EventSink, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { WatchStore } from '../watch/ports.js';

type Detail = Resource<'AlertDetail'>;
export type Alert = Resource<'Alert'>;
export type AlertEvidence = Resource<'AlertEvidence'>;
export type AlertActionName = Resource<'AlertActionName'>;
export type AlertEvent = 'opened' | 'reopened' | 'escalated' | 'resolved';

/** What the engine goes on with: who is set aside, and what would be calm. */
export interface AlertIncident {
  /** `build`: judged against validation data, and the stream is one of that reference. Default: what devices did before. */
  readonly against?: 'build';
  readonly stream: number;
  readonly shift: number;
  /** Ids. */
  readonly devices: readonly string[];
  readonly openedRound: number;
  /** Calm rounds in a row. */
  readonly calm: number;
  /** First round after a person resolved it. */
  readonly resolvedRound?: number;
}
export interface NewAlert {
  readonly kind: Alert['kind'];
  readonly severity: Alert['severity'];
  readonly verdict: Alert['verdict'];
  readonly scope: Alert['scope'];
  readonly subject: string;
  readonly title: string;
  readonly model: string | null;
  readonly evidence: AlertEvidence;
  /** Whose round opened it; null: that of no watch. */
  readonly watch: string | null;
  readonly incident: AlertIncident;
  readonly atMs: number;
  readonly owner: string | null;
}
/** Not yet released: open in some way, or resolved and its devices still set aside. */
export interface HeldAlert extends Pick<NewAlert, 'kind' | 'scope' | 'subject' | 'incident'> {
  readonly number: number;
  readonly state: Alert['state'];
  readonly accepted: boolean;
  /** How often it came back. */
  readonly reopened: number;
}
export interface KnownSilence extends Pick<NewAlert, 'subject' | 'incident'> {
  readonly number: number;
  readonly isOpen: boolean;
}
export interface AlertChange {
  readonly state: Alert['state'];
  readonly by: string;
  readonly owner?: string | null;
  readonly mutedUntilMs?: number;
  readonly accepted?: boolean;
  readonly released?: boolean;
  /** Resolved because it was calm: what comes back soon opens it again. */
  readonly calm?: boolean;
}
export interface NewAlertRoute {
  readonly id: string;
  readonly name: string;
  readonly kind: Resource<'AlertRouteKind'>;
  readonly target: string;
  readonly sealed: Buffer;
  readonly minSeverity: Alert['severity'];
  readonly createdBy: string;
}

export interface AlertStore {
  list(scope: ProjectScope, query: PageRequest & Resource<'AlertQuery'>): Promise<Page<Alert>>;
  /** @throws quality.alert-not-found */
  get(scope: ProjectScope, number: number): Promise<Detail>;
  /** Locked until the transaction ends. @throws quality.alert-not-found */
  lock(scope: ProjectScope, number: number): Promise<Alert>;
  change(scope: ProjectScope, number: number, change: AlertChange): Promise<void>;
  note(scope: ProjectScope, number: number, entry: { by: string; what: string; text: string }): Promise<void>;
  /**
   * Undefined when one is open for this subject: that one was seen again. One that was calm and last seen less than `reopenMinutes`
   * before is opened again under its number, waiting for somebody as a new one does.
   */
  open(
    scope: ProjectScope,
    alert: NewAlert,
    reopenMinutes: number | null,
  ): Promise<{ readonly number: number; readonly reopened: number } | undefined>;
  /** One more alarm; more devices may be concerned by now. */
  seen(scope: ProjectScope, number: number, atMs: number, incident?: AlertIncident): Promise<void>;
  /** Of the incident alone: others may have joined its devices since it was read. */
  setCalm(scope: ProjectScope, number: number, calm: number): Promise<void>;
  setIncident(scope: ProjectScope, number: number, incident: AlertIncident): Promise<void>;
  /** Of silence, whoever opened them: those that are open, and those that a person resolved since. No other one is opened until the transaction ends. */
  lockSilences(scope: ProjectScope, sinceMs: number): Promise<readonly KnownSilence[]>;
  held(scope: ProjectScope, watch: string): Promise<readonly HeldAlert[]>;
  /** Every route that takes this severity will tell of it, once. */
  queue(scope: ProjectScope, number: number, event: AlertEvent, severity: Alert['severity']): Promise<void>;
  /** What was not delivered by now is not told any more; without an event nothing of it. */
  dropQueued(
    scope: ProjectScope,
    number: number,
    why: { readonly reason: string; readonly event?: AlertEvent },
  ): Promise<void>;
  addActions(scope: ProjectScope, number: number, actions: readonly AlertActionName[]): Promise<void>;
  /** At most 100 that nobody acknowledged in time; they are critical from now on. Answers which. */
  escalate(scope: ProjectScope, afterMinutes: number): Promise<readonly Alert[]>;
  /** Their time is over: open again. */
  unmute(scope: ProjectScope): Promise<readonly number[]>;
}
export interface AlertRouteStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'AlertRoute'>>>;
  /** @throws quality.alert-route-not-found */
  get(scope: ProjectScope, name: string): Promise<Resource<'AlertRoute'>>;
  sealed(scope: ProjectScope, name: string): Promise<Buffer>;
  /** @throws quality.alert-route-exists, quality.alert-routes-too-many */
  add(scope: ProjectScope, route: NewAlertRoute, most: number): Promise<void>;
  remove(scope: ProjectScope, name: string): Promise<void>;
}
export interface QualitySettingsStore {
  get(scope: ProjectScope): Promise<Resource<'QualitySettings'>>;
  put(scope: ProjectScope, settings: Resource<'QualitySettings'>): Promise<void>;
  /** Length of a round: that of the settings, else of the project's window. */
  roundMs(scope: ProjectScope): Promise<number>;
  baselines(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'QualityBaseline'>>>;
  declare(
    scope: ProjectScope,
    baseline: { readonly fromMs: number; readonly toMs: number; readonly note: string; readonly by: string },
  ): Promise<Resource<'QualityBaseline'>>;
  watches(scope: ProjectScope): Promise<Resource<'QualityWatch'>[]>;
}
export interface AlertStores {
  readonly alerts: AlertStore;
  readonly alertRoutes: AlertRouteStore;
  readonly qualitySettings: QualitySettingsStore;
  readonly watches: WatchStore;
  readonly audit: AuditLog;
  readonly events: EventSink;
}
