/** How long a project keeps what its devices sent and what was made of it. What removes it is retention-sweep.ts. */
import type { AuditLog, ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export type RetentionSettings = Resource<'RetentionSettings'>;

/** Three years of sums: a year can be compared with the two before it. */
export const retentionDefaults: RetentionSettings = {
  windowDays: null,
  hourDays: 1_096,
  deviceDayDays: 1_096,
  refusalDays: 30,
  predictionDays: 30,
  alertDays: 365,
};

export interface RetentionState {
  readonly settings: RetentionSettings | undefined;
  readonly windowsFrom: string | null;
  readonly removedAt: string | null;
  readonly removed: Resource<'Retention'>['removed'];
}
export interface RetentionStore {
  read(scope: ProjectScope): Promise<RetentionState>;
  set(scope: ProjectScope, settings: RetentionSettings): Promise<void>;
}
export interface RetentionStores {
  readonly retention: RetentionStore;
  readonly audit: AuditLog;
}

/** Days that hold for windows: the instance's are the most. */
export const windowDaysOf = (settings: RetentionSettings, instanceDays: number): number =>
  Math.min(settings.windowDays ?? instanceDays, instanceDays);

export class RetentionService {
  constructor(
    private readonly store: RetentionStore,
    private readonly transact: Transact<RetentionStores>,
    /** Days that the instance keeps windows. */
    private readonly instanceDays: number,
  ) {}

  async get(scope: ProjectScope): Promise<Resource<'Retention'>> {
    return this.shown(await this.store.read(scope));
  }

  /** @throws telemetry.retention-invalid */
  async set(actor: string, scope: ProjectScope, settings: RetentionSettings): Promise<Resource<'Retention'>> {
    this.require(settings);
    return await this.transact(async ({ retention, audit }) => {
      const before = await retention.read(scope);
      await retention.set(scope, settings);
      await audit.append(scope, {
        ...{ actor, action: 'retention.set', target: scope.name },
        before: { ...(before.settings ?? retentionDefaults) },
        after: { ...settings },
      });
      return this.shown({ ...before, settings });
    });
  }

  private shown({ settings = retentionDefaults, ...state }: RetentionState): Resource<'Retention'> {
    return { settings, windowDays: windowDaysOf(settings, this.instanceDays), ...state };
  }

  private require(settings: RetentionSettings): void {
    const { windowDays, hourDays, deviceDayDays } = settings;
    const refuse = (reason: string): never => {
      throw new FleetError('telemetry.retention-invalid', { reason });
    };
    if (windowDays !== null && windowDays > this.instanceDays)
      refuse(`windows are kept ${this.instanceDays} days by this instance, not ${windowDays}`);
    // A late window would bring back a part of a sum whose rest is gone.
    const least = windowDaysOf(settings, this.instanceDays);
    if (hourDays !== null && hourDays < least)
      refuse(`sums by hour would go after ${hourDays} days, windows after ${least}`);
    if (deviceDayDays !== null && deviceDayDays < least)
      refuse(`sums by device and day would go after ${deviceDayDays} days, windows after ${least}`);
  }
}
