/** The rollout role: competes for the lead and moves open rollouts on while it has it. */
import { Conductor, conductorDefaults } from '@tinyfleet/rollouts';
import { Leader, PgOpenRollouts, transactAsLeader } from '@tinyfleet/storage';
import { Gauge } from 'prom-client';
import { Conducting } from '../rollout/conducting.js';
import { GateThread } from '../rollout/gate-thread.js';
import type { RoleContext, RunningRole } from './role.js';

export async function startRollout(context: RoleContext): Promise<RunningRole> {
  const { database, events, log, metrics } = context;
  const leader = new Leader(database);
  const rollouts = new PgOpenRollouts(database);
  const gates = new GateThread(database.target);
  const conductor = new Conductor(rollouts, transactAsLeader(database, leader), conductorDefaults, gates);
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
  const unsubscribe = events.subscribe(() => conducting.wake(), ['telemetry.committed']);
  conducting.start();
  return {
    name: 'rollout',
    async stop() {
      unsubscribe();
      // What is being judged is of no use any more.
      await Promise.all([conducting.stop(), gates.stop()]);
    },
  };
}
