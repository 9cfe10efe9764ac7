/** What people do with alerts, and how they set drift detection up. All of it is audited. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { budgetCost } from '../drift/budget-cost.js';
import { parseBudget, wordsOfBudget } from '../drift/page-budget.js';
import { resolveAlert } from './life.js';
import type { Alert, AlertChange, AlertStores } from './ports.js';

/** Rounds of a healthy period: FleetWatch takes no others. */
export const LEAST_HEALTHY = 24;
export const MOST_HEALTHY = 2_000;

type Settings = Resource<'QualitySettings'>;

export class AlertService {
  constructor(
    private readonly stores: Pick<AlertStores, 'alerts' | 'qualitySettings'>,
    private readonly transact: Transact<AlertStores>,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** @throws quality.alert-not-found, quality.alert-resolved */
  async acknowledge(
    actor: string,
    scope: ProjectScope,
    number: number,
    { owner = actor, note }: Resource<'AlertAcknowledge'>,
  ): Promise<Alert> {
    return await this.change(actor, scope, number, note, { state: 'acknowledged', by: actor, owner });
  }

  /** @throws quality.alert-not-found, quality.alert-resolved */
  async mute(
    actor: string,
    scope: ProjectScope,
    number: number,
    { seconds, note }: Resource<'AlertMute'>,
  ): Promise<Alert> {
    const mutedUntilMs = this.nowMs() + seconds * 1_000;
    return await this.change(actor, scope, number, note, { state: 'muted', by: actor, mutedUntilMs });
  }

  /** @throws quality.alert-not-found, quality.alert-resolved */
  async resolve(
    actor: string,
    scope: ProjectScope,
    number: number,
    { accept, note }: Resource<'AlertResolve'>,
  ): Promise<Alert> {
    return await this.transact(async (stores) => {
      const alert = await open(stores, scope, number);
      const text = [accept ? 'what it moved to is healthy' : 'it is over', note].filter(Boolean).join(': ');
      await stores.audit.append(scope, {
        actor,
        action: 'alert.resolved',
        target: String(number),
        before: { state: alert.state },
        after: { state: 'resolved', accept, note },
      });
      await resolveAlert(stores, scope, alert, { by: actor, text, accepted: accept });
      return await stores.alerts.get(scope, number);
    });
  }

  /** @throws quality.alert-not-found */
  async comment(
    actor: string,
    scope: ProjectScope,
    number: number,
    { text }: Resource<'AlertComment'>,
  ): Promise<Resource<'AlertDetail'>> {
    return await this.transact(async ({ alerts, audit, events }) => {
      const { state } = await alerts.lock(scope, number);
      await alerts.note(scope, number, { by: actor, what: 'comment', text });
      await audit.append(scope, {
        actor,
        action: 'alert.commented',
        target: String(number),
        detail: { text },
      });
      await events.emit(scope, 'alert.changed', { alert: number, state, by: actor });
      return await alerts.get(scope, number);
    });
  }

  /** @throws quality.budget-unreadable */
  async configure(actor: string, scope: ProjectScope, settings: Settings): Promise<Settings> {
    const budget = wordsOfBudget(parseBudget(settings.budget));
    return await this.transact(async ({ qualitySettings, audit, events }) => {
      const before = await qualitySettings.get(scope);
      const after = { ...settings, budget };
      await qualitySettings.put(scope, after);
      await audit.append(scope, { actor, action: 'quality.configured', target: scope.name, before, after });
      await events.emit(scope, 'quality.configured', { budget });
      return after;
    });
  }

  /** @param words default: the budget in force. @throws quality.budget-unreadable */
  async budgetCost(scope: ProjectScope, words?: string): Promise<Resource<'BudgetCost'>> {
    const { qualitySettings } = this.stores;
    const { budget } = await qualitySettings.get(scope);
    const watches = await qualitySettings.watches(scope);
    const cost = budgetCost(words ?? budget, {
      streams: watches.reduce((sum, { streamCount }) => sum + streamCount, 0),
      roundSeconds: (await qualitySettings.roundMs(scope)) / 1_000,
    });
    return { ...cost, inForce: cost.budget === wordsOfBudget(parseBudget(budget)) };
  }

  /** @throws quality.baseline-invalid */
  async declare(
    actor: string,
    scope: ProjectScope,
    { from, to, note }: Resource<'QualityBaselineCreate'>,
  ): Promise<Resource<'QualityBaseline'>> {
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
    const roundMs = await this.stores.qualitySettings.roundMs(scope);
    const refuse = (reason: string): never => {
      throw new FleetError('quality.baseline-invalid', { reason, least: LEAST_HEALTHY, most: MOST_HEALTHY });
    };
    if (!(fromMs < toMs)) refuse('from is not before to');
    if (toMs > this.nowMs()) refuse('it is not over');
    const rounds = Math.floor((toMs - fromMs) / roundMs);
    if (rounds < LEAST_HEALTHY || rounds > MOST_HEALTHY)
      refuse(`it has ${rounds} rounds of ${roundMs / 1_000} s`);
    return await this.transact(async ({ qualitySettings, audit, events }) => {
      const baseline = await qualitySettings.declare(scope, { fromMs, toMs, note, by: actor });
      await audit.append(scope, {
        actor,
        action: 'quality.baseline-declared',
        target: String(baseline.number),
        after: { from, to, note },
      });
      await events.emit(scope, 'baseline.declared', { baseline: baseline.number });
      return baseline;
    });
  }

  private async change(
    actor: string,
    scope: ProjectScope,
    number: number,
    note: string,
    change: AlertChange,
  ): Promise<Alert> {
    return await this.transact(async (stores) => {
      const { alerts, audit, events } = stores;
      const { state: before, owner } = await open(stores, scope, number);
      const { state } = change;
      await alerts.change(scope, number, change);
      // Somebody looks at it: nobody is told any more that nobody does.
      if (state === 'acknowledged')
        await alerts.dropQueued(scope, number, { reason: `${actor} acknowledged it`, event: 'escalated' });
      await alerts.note(scope, number, { by: actor, what: state, text: note });
      await audit.append(scope, {
        actor,
        action: `alert.${state}`,
        target: String(number),
        before: { state: before, owner },
        after: {
          state,
          note,
          ...(change.owner === undefined ? {} : { owner: change.owner }),
          ...(change.mutedUntilMs === undefined
            ? {}
            : { until: new Date(change.mutedUntilMs).toISOString() }),
        },
      });
      await events.emit(scope, 'alert.changed', { alert: number, state, by: actor });
      return await alerts.get(scope, number);
    });
  }
}

async function open(
  { alerts }: Pick<AlertStores, 'alerts'>,
  scope: ProjectScope,
  number: number,
): Promise<Alert> {
  const alert = await alerts.lock(scope, number);
  if (alert.state === 'resolved') throw new FleetError('quality.alert-resolved', { alert: number });
  return alert;
}
