/** The rollout role: competes for the lead and moves open rollouts on while it has it. */
import { Conductor, StepGates, conductorDefaults } from '@tinyfleet/rollouts';
import { Leader, PgCohortMetrics, PgRolloutStore, transactAsLeader } from '@tinyfleet/storage';
import { Gauge } from 'prom-client';
import { Conducting } from '../rollout/conducting.js';
import type { RoleContext, RunningRole } from './role.js';

export async function startRollout(context: RoleContext): Promise<RunningRole> {
  const { database, events, log, metrics } = context;
  const leader = new Leader(database);
  const conductor = new Conductor(
    new PgRolloutStore(database),
    transactAsLeader(database, leader),
    conductorDefaults,
    new StepGates(new PgCohortMetrics(database)),
  );
  const conducting = new Conducting(leader, conductor, (error) =>
    log.warn({ err: error, part: 'rollout' }, 'rollout: will try again'),
  );
  new Gauge({
    name: 'tinyfleet_rollout_leads',
    help: '1 when this process moves rollouts on.',
    registers: [metrics],
    collect() {
      this.set(leader.leads ? 1 : 0);
    },
  });
  const unsubscribe = events.subscribe(() => conducting.wake());
  conducting.start();
  return {
    name: 'rollout',
    async stop() {
      unsubscribe();
      await conducting.stop();
    },
  };
}
