/** Windows of devices as rollout gates read them. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { CohortMetrics, CohortWindow } from '@tinyfleet/quality';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

const oodBins = 16;

interface Row extends Omit<CohortWindow, 'classes' | 'ood'> {
  readonly classCount: number;
  readonly histogram: Buffer;
  readonly ood: Buffer | null;
}

export class PgCohortMetrics implements CohortMetrics {
  constructor(private readonly db: Db) {}

  async windows(
    scope: ProjectScope,
    cohort: {
      readonly release: string;
      readonly devices: readonly string[];
      readonly fromMs: number;
      readonly toMs: number;
    },
  ): Promise<CohortWindow[]> {
    const rows = await this.db.query<Row & object>(namedQuery('quality/cohort-windows'), [
      scope.id,
      cohort.release,
      cohort.devices,
      new Date(cohort.fromMs),
      new Date(cohort.toMs),
    ]);
    return rows.map(({ classCount, histogram, ood, ...rest }) => ({
      ...rest,
      classes: classCount > 0 ? unpackHistogram(histogram, classCount * rest.confidenceBins, 'classes') : [],
      ood: ood && unpackHistogram(ood, oodBins, 'ood'),
    }));
  }
}
