/** Which windows ingest takes, by project: as the instance says, unless the project keeps them shorter or has removed some. */
import type { WindowPolicy } from '@tinyfleet/telemetry';
import type { Db } from '../database.js';

/** A project that keeps less is obeyed this late; the sweep waits longer before it removes by a new setting. */
const refreshMs = 30_000;

export class WindowPolicies {
  private own = new Map<string, WindowPolicy>();
  private readAtMs = -Infinity;

  constructor(private readonly instance: WindowPolicy) {}

  async refresh(db: Db, nowMs: number): Promise<void> {
    if (nowMs - this.readAtMs < refreshMs && nowMs >= this.readAtMs) return;
    const rows = await db.query<{ projectId: string; days: number | null; from: Date | null }>(
      `select project_id as "projectId", r.window_days as days, s.windows_from as "from"
       from retention_settings r full join retention_state s using (project_id)`,
    );
    const { instance } = this;
    this.own = new Map(
      rows.map(({ projectId, days, from }) => [
        projectId,
        {
          ...instance,
          retentionDays: Math.min(days ?? instance.retentionDays, instance.retentionDays),
          ...(from && { fromMs: from.getTime() }),
        },
      ]),
    );
    this.readAtMs = nowMs;
  }

  of(projectId: string): WindowPolicy {
    return this.own.get(projectId) ?? this.instance;
  }
}
