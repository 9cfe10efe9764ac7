/** Clocks of alerts: escalation, and the end of a mute; of all projects, whatever opened their alerts. */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { ENGINE } from './life.js';
import type { AlertStores } from './ports.js';

export interface AlertClocks {
  /** Projects with alerts that nobody acknowledged, or whose mute is over. */
  due(): Promise<readonly ProjectScope[]>;
}
type Stores = Pick<AlertStores, 'alerts' | 'qualitySettings' | 'events'>;

export class AlertClock {
  constructor(
    private readonly clocks: AlertClocks,
    private readonly transact: Transact<Stores>,
  ) {}

  /** What fails of one project holds up no other; the first such is thrown last. */
  async turn(): Promise<void> {
    const failures: unknown[] = [];
    for (const scope of await this.clocks.due())
      await this.transact(async (stores) => look(stores, scope)).catch((error: unknown) =>
        failures.push(error),
      );
    if (failures.length > 0) throw failures[0];
  }
}

async function look({ alerts, qualitySettings, events }: Stores, scope: ProjectScope): Promise<void> {
  for (const number of await alerts.unmute(scope)) {
    await alerts.note(scope, number, { by: ENGINE, what: 'unmuted', text: 'the time of its mute is over' });
    await events.emit(scope, 'alert.changed', { alert: number, state: 'open', by: ENGINE });
  }
  const { escalateAfterMinutes } = await qualitySettings.get(scope);
  if (escalateAfterMinutes === null) return;
  for (const alert of await alerts.escalate(scope, escalateAfterMinutes)) {
    const { number, kind, severity, verdict, subject, title, owner } = alert;
    const text = `nobody acknowledged it in ${escalateAfterMinutes} minutes`;
    await alerts.note(scope, number, { by: ENGINE, what: 'escalated', text });
    await alerts.queue(scope, number, 'escalated', severity);
    await events.emit(scope, 'alert.escalated', {
      ...{ alert: number, kind, severity, verdict, subject, title, owner },
    });
  }
}
