/** What people do with rollouts: start, pause, resume, abort. What happens between is the conductor's. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { parseFilter } from '@tinyfleet/filter';
import { planPayloads, transferDefaults, type TransferOptions } from '@tinyfleet/releases';
import { noBuildFor, obstacleTo } from './compatibility.js';
import { countCohort, type RolloutState } from './engine.js';
import { assignSteps } from './plan.js';
import type { NewDeployment, OpenRollout, RolloutStores } from './ports.js';

export interface RolloutRequest {
  readonly release: string;
  readonly filter: string;
  readonly steps: readonly number[];
  readonly maxFailurePercent: number;
  readonly deviceTimeoutSeconds: number;
}

export class RolloutService {
  constructor(
    private readonly stores: Pick<RolloutStores, 'rollouts'>,
    private readonly transact: Transact<RolloutStores>,
    private readonly newId: () => string,
    private readonly transfers: Pick<TransferOptions, 'maxBases'> = transferDefaults,
  ) {}

  /**
   * @throws releases.not-found, releases.not-signed, releases.expired, registry.filter-invalid, rollouts.empty-target,
   *   rollouts.no-build-for-types, rollouts.devices-busy
   */
  async start(actor: string, scope: ProjectScope, request: RolloutRequest): Promise<Resource<'Rollout'>> {
    const filter = parseFilter(request.filter);
    const number = await this.transact(async (stores) => {
      const { rollouts, events, audit } = stores;
      const release = await rollouts.release(scope, request.release);
      if (release.state !== 'signed')
        throw new FleetError('releases.not-signed', { release: request.release, state: release.state });
      if (release.notAfter !== null && release.notAfter.getTime() <= Date.now())
        throw new FleetError('releases.expired', {
          release: request.release,
          notAfter: release.notAfter.toISOString(),
        });
      const target = await rollouts.target(scope, filter);
      if (target.length === 0) throw new FleetError('rollouts.empty-target', { filter: request.filter });
      const busy = target.filter(({ busyIn }) => busyIn !== null);
      if (busy[0])
        throw new FleetError('rollouts.devices-busy', { count: busy.length, rollout: busy[0].busyIn! });

      const id = this.newId();
      const artifacts = new Map(release.artifacts.map((one) => [one.typeId, one]));
      const deployments = assignSteps(id, target, request.steps).map(
        ({ device, step, bucket }): NewDeployment => {
          const artifact = artifacts.get(device.typeId);
          const obstacle = artifact ? obstacleTo(artifact.needs, device.abilities) : noBuildFor(device.type);
          return {
            deviceId: device.deviceId,
            digest: artifact?.digest ?? Buffer.alloc(0),
            step,
            bucket,
            state: obstacle ? 'incompatible' : 'waiting',
            errorCode: obstacle?.errorNumber ?? null,
            reason: obstacle?.reason ?? '',
          };
        },
      );
      if (target.every(({ typeId }) => !artifacts.has(typeId))) {
        const deviceTypes = [...new Set(target.map(({ type }) => type))].sort().join(', ');
        throw new FleetError('rollouts.no-build-for-types', { release: request.release, deviceTypes });
      }
      const { steps, maxFailurePercent, deviceTimeoutSeconds } = request;
      const added = await rollouts.add(
        scope,
        {
          id,
          releaseId: release.id,
          release: request.release,
          filter: request.filter,
          strategy: { steps, maxFailurePercent, deviceTimeoutSeconds },
          createdBy: actor,
        },
        deployments,
      );
      await planPayloads(stores, scope, { releaseId: release.id, rolloutId: id }, this.transfers);
      await audit.append(scope, {
        actor,
        action: 'rollout.started',
        target: String(added),
        detail: { ...request, devices: target.length },
      });
      await tell({ rollouts, events }, scope, added);
      return added;
    });
    return await this.stores.rollouts.get(scope, number);
  }

  /** @throws rollouts.not-found, rollouts.not-running */
  async pause(actor: string, scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.paused',
      from: ['running'],
      work: async ({ rollouts }, rollout) =>
        await rollouts.setState(scope, rollout.id, { state: 'paused', reason: `paused by ${actor}` }),
    });
  }

  /** Goes on, and accepts the failures that happened until now. @throws rollouts.not-found, rollouts.not-running */
  async resume(actor: string, scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.resumed',
      from: ['paused'],
      work: async ({ rollouts }, rollout) => {
        const tallies = await rollouts.tallies(scope, rollout.id);
        const toleratedFailures = countCohort(tallies, rollout.strategy.steps.length).failures;
        await rollouts.setState(scope, rollout.id, { state: 'running', reason: '', toleratedFailures });
      },
    });
  }

  /** Ends it; devices that have not switched get back what was desired of them. */
  async abort(actor: string, scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.aborted',
      from: ['running', 'paused'],
      work: async ({ rollouts }, rollout) => {
        await rollouts.withdraw(scope, rollout.id);
        await rollouts.setState(scope, rollout.id, { state: 'aborted', reason: `aborted by ${actor}` });
      },
    });
  }

  private async change(
    actor: string,
    scope: ProjectScope,
    number: number,
    change: {
      readonly action: string;
      readonly from: readonly RolloutState[];
      readonly work: (stores: RolloutStores, rollout: OpenRollout) => Promise<void>;
    },
  ): Promise<Resource<'Rollout'>> {
    await this.transact(async (stores) => {
      const rollout = await stores.rollouts.lock(scope, number);
      if (!change.from.includes(rollout.state))
        throw new FleetError('rollouts.not-running', { rollout: number, state: rollout.state });
      await change.work(stores, rollout);
      const { state } = await stores.rollouts.get(scope, number);
      await stores.audit.append(scope, {
        actor,
        action: change.action,
        target: String(number),
        before: { state: rollout.state },
        after: { state },
      });
      await tell(stores, scope, number);
    });
    return await this.stores.rollouts.get(scope, number);
  }
}

/** Last in a transaction: the present state of a rollout as an event. */
export async function tell(
  stores: Pick<RolloutStores, 'rollouts' | 'events'>,
  scope: ProjectScope,
  number: number,
): Promise<void> {
  const { release, state, reason, step, counts } = await stores.rollouts.get(scope, number);
  await stores.events.emit(scope, 'rollout.changed', { number, release, state, reason, step, counts });
}
