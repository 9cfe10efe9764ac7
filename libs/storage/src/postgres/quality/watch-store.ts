/** Watches, as a round writes them. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { NewWatch, WatchLearned, WatchState, WatchStore } from '@tinyfleet/quality';
import type { Db } from '../database.js';

export class PgWatchStore implements WatchStore {
  constructor(private readonly db: Db) {}

  async add(scope: ProjectScope, watch: NewWatch): Promise<void> {
    const { frame } = watch;
    await this.db.execute(
      `insert into quality_watch (project_id, id, baseline, model_id, schema_crc, confidence_bins, class_count, part, state, reason,
         round_ms, from_at, healthy_rounds, season, watermark, condition_by, reference, build, devices, stream_count, arl0, too_late,
         learned, compared, closed_round, read_at, quiet_until)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)`,
      [
        ...[scope.id, watch.id, watch.baseline, watch.modelId, watch.schemaCrc, watch.confidenceBins],
        ...[watch.classCount, watch.part, watch.state, watch.reason],
        ...[frame.roundMs, new Date(frame.fromMs), frame.healthyRounds, frame.season, frame.watermark],
        ...[frame.conditionBy, JSON.stringify(watch.reference), watch.build && JSON.stringify(watch.build)],
        ...[JSON.stringify(watch.members), watch.streamCount, watch.arl0, watch.tooLate],
        ...[bytes(watch.learned), bytes(watch.compared), watch.closedRound, new Date(watch.readAtMs)],
        watch.quietUntil,
      ],
    );
  }

  async explain(scope: ProjectScope, id: string, reason: string): Promise<void> {
    await this.db.execute('update quality_watch set reason = $3 where project_id = $1 and id = $2', [
      scope.id,
      id,
      reason,
    ]);
  }

  async remove(scope: ProjectScope, id: string): Promise<void> {
    await this.db.execute('delete from quality_watch where project_id = $1 and id = $2', [scope.id, id]);
  }

  async lock(scope: ProjectScope, id: string, closedRound: number): Promise<boolean> {
    const rows = await this.db.query(
      'select 1 from quality_watch where project_id = $1 and id = $2 and closed_round = $3 for update',
      [scope.id, id, closedRound],
    );
    return rows.length > 0;
  }

  async advance(scope: ProjectScope, id: string, state: WatchState, learned?: WatchLearned): Promise<void> {
    const { members, streamCount, arl0, tooLate, closedRound, readAtMs } = state;
    await this.db.execute(
      `update quality_watch set devices = $3, stream_count = $4, arl0 = $5, too_late = $6, learned = $7, compared = $8, closed_round = $9,
         read_at = $10, state = coalesce($11, state), reason = coalesce($12, reason), reference = coalesce($13, reference), healthy_rounds = coalesce($14, healthy_rounds)
       where project_id = $1 and id = $2`,
      [
        ...[scope.id, id, JSON.stringify(members), streamCount, arl0, tooLate],
        ...[bytes(state.learned), bytes(state.compared), closedRound, new Date(readAtMs)],
        ...[learned?.state ?? null, learned?.reason ?? null],
        learned ? JSON.stringify(learned.reference) : null,
        learned?.frame.healthyRounds ?? null,
      ],
    );
  }
}

const bytes = (given: Uint8Array | null): Buffer | null => given && Buffer.from(given);
