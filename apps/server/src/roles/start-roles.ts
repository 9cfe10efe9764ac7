/** Which roles this process runs, in the order they start; they stop in the reverse one. */
import type { Undo } from '../platform/bootstrap.js';
import type { Services } from '../platform/services.js';
import { startBulk } from './bulk.js';
import { startCompiler } from './compiler.js';
import { startAlerts } from './alerts.js';
import { startEdge } from './edge.js';
import { startQuality } from './quality.js';
import type { RoleContext, RunningRole } from './role.js';
import { startRetention } from './retention.js';
import { startRollout } from './rollout.js';
import { startWebhooks } from './webhook.js';

/** @returns the addresses that the roles listen on, by protocol. */
export async function startRoles(
  context: RoleContext,
  services: Services,
  undo: Undo,
): Promise<Record<string, string>> {
  const { roles } = context.config;
  const addresses: Record<string, string> = {};
  const started = (role: RunningRole): void => {
    undo.add(role.name, async () => await role.stop());
    if (role.checkReady) services.server.addCheck(role.name, () => role.checkReady?.());
    Object.assign(addresses, role.addresses);
  };
  // With the embedded database there is no other process whose jobs these could be.
  const onlyWorker = context.config.databaseUrl === undefined;
  if (roles.includes('compiler')) {
    const { builds, payloads, jobs } = services;
    started(await startCompiler(context, { builds, payloads, jobs, onlyWorker }));
  } else {
    undo.add('job queue', async () => await services.jobs.stop(1_000));
  }
  // One role with three names: with the embedded broker they are never apart.
  if (roles.includes('broker')) {
    started(await startEdge(context, services));
    started(startRetention(context));
  }
  if (roles.includes('rollout')) {
    started(await startRollout(context));
    started(await startWebhooks(context, services.sealer));
    started(await startBulk(context, { ...services, onlyWorker }));
  }
  if (roles.includes('quality')) {
    started(startQuality(context));
    started(startAlerts(context, services));
  }
  return addresses;
}
