/** Actions of alerts that are due, for all projects, and what came of them. */
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import type { AlertActionName } from '@tinyfleet/quality';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

export interface DueAction {
  readonly scope: ProjectScope;
  readonly alert: number;
  readonly action: AlertActionName;
  /** Attempts before this one. */
  readonly attempts: number;
  readonly model: string | null;
  /** Names of those concerned that exist, connected ones first. */
  readonly devices: readonly string[];
}
export interface ActionOutcome {
  readonly state: 'due' | 'done' | 'failed';
  readonly text: string;
  /** Of one that is due still. */
  readonly retryInMs: number;
}

export class PgAlertActions {
  constructor(private readonly db: Db) {}

  async due(limit: number, mostDevices: number): Promise<DueAction[]> {
    const rows = await this.db.query<Omit<DueAction, 'scope'> & { projectId: string; project: string }>(
      namedQuery('quality/due-actions'),
      [limit, mostDevices],
    );
    return rows.map(({ projectId, project, ...rest }) => ({
      ...rest,
      scope: projectScope(projectId, project),
    }));
  }

  /** Those that brought what the devices of an alert run, in one of these states; the newest first. */
  async rollouts(scope: ProjectScope, alert: number, states: readonly string[]): Promise<number[]> {
    const rows = await this.db.query<{ number: number }>(namedQuery('quality/alert-rollouts'), [
      ...[scope.id, alert, states],
    ]);
    return rows.map(({ number }) => number);
  }

  async settle(
    { scope, alert, action }: DueAction,
    { state, text, retryInMs }: ActionOutcome,
  ): Promise<void> {
    const changed = await this.db.execute(
      `update alert_action set state = $4, text = $5, attempts = attempts + 1,
         next_attempt_at = now() + $6 * interval '1 millisecond'
       where project_id = $1 and alert = $2 and action = $3 and state = 'due'`,
      [scope.id, alert, action, state, text, retryInMs],
    );
    if (changed === 0 || state === 'due') return;
    await this.db.execute(
      `insert into alert_entry (project_id, alert, id, actor, what, text) values ($1, $2, $3, 'engine', 'action', $4)`,
      [scope.id, alert, uuidv7(), `${action}: ${text}`],
    );
  }
}
