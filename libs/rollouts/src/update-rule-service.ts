/** Rules of single devices (pinned, held, excluded) and what holds for every rollout of a project. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { RolloutStores } from './ports.js';

export type NewUpdateRule = Pick<Resource<'UpdateRule'>, 'kind' | 'release' | 'until' | 'reason'>;

export class UpdateRuleService {
  constructor(private readonly transact: Transact<RolloutStores>) {}

  /** @throws registry.device-not-found, releases.not-found */
  async set(
    actor: string,
    scope: ProjectScope,
    device: string,
    rule: NewUpdateRule,
  ): Promise<Resource<'UpdateRule'>> {
    return await this.transact(async ({ updateRules, audit, events }) => {
      const before = await updateRules.find(scope, device);
      await updateRules.set(scope, device, { ...rule, createdBy: actor });
      const after = await updateRules.find(scope, device);
      await audit.append(scope, {
        actor,
        action: 'update-rule.set',
        target: device,
        before: before ?? { kind: null },
        after: rule,
      });
      await events.emit(scope, 'device.updated', { device });
      return after!;
    });
  }

  /** @throws registry.device-not-found, rollouts.no-update-rule */
  async remove(actor: string, scope: ProjectScope, device: string): Promise<void> {
    await this.transact(async ({ updateRules, audit, events }) => {
      const before = await updateRules.find(scope, device);
      if (!(await updateRules.remove(scope, device)))
        throw new FleetError('rollouts.no-update-rule', { device });
      await audit.append(scope, {
        actor,
        action: 'update-rule.removed',
        target: device,
        ...(before && { before }),
      });
      await events.emit(scope, 'device.updated', { device });
    });
  }

  async setSettings(
    actor: string,
    scope: ProjectScope,
    settings: Resource<'RolloutSettings'>,
  ): Promise<Resource<'RolloutSettings'>> {
    return await this.transact(async ({ updateRules, audit, events }) => {
      const before = await updateRules.settings(scope);
      await updateRules.setSettings(scope, settings);
      await audit.append(scope, {
        actor,
        action: 'rollout-settings.changed',
        target: scope.name,
        before,
        after: settings,
      });
      await events.emit(scope, 'project.changed', { project: scope.name });
      return settings;
    });
  }
}
