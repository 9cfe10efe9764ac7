/** The quality role: competes for the lead, learns what is healthy, compares new devices and judges rounds that are over while it has it. */
import { PeerKeeper, WatchKeeper, keeperDefaults } from '@tinyfleet/quality';
import { Leader, PgPeerReader, PgWatchReader, transactAsLeader } from '@tinyfleet/storage';
import { Gauge } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import { Turns } from '../alert/turns.js';
import type { RoleContext, RunningRole } from './role.js';

const POLL_MS = 5_000;

export function startQuality({ database, log, metrics, config }: RoleContext): RunningRole {
  const leader = new Leader(database, 'quality');
  const transact = transactAsLeader(database, leader);
  const peers = new PeerKeeper(new PgPeerReader(database), transact, uuidv7);
  const keeper = new WatchKeeper(new PgWatchReader(database), transact, uuidv7, Date.now, {
    ...keeperDefaults,
    maxDevices: config['quality.maxDevices'],
    learnBytes: config['quality.learnBytes'],
  });
  const turns = new Turns(
    async () => {
      const led = leader.leads;
      if (!(await leader.tryLead())) return false;
      // Another may have judged since: what is in memory is of then.
      if (!led) keeper.forget();
      try {
        return await keeper.turn();
      } finally {
        // A watch that fails holds up no comparison.
        await peers.turn();
      }
    },
    POLL_MS,
    (error) => log.warn({ err: error, part: 'quality' }, 'quality: will try again'),
  );
  new Gauge({
    name: 'tinyfleet_quality_leads',
    help: '1 when this process judges drift.',
    registers: [metrics],
    collect() {
      this.set(leader.leads ? 1 : 0);
    },
  });
  turns.start();
  return {
    name: 'quality',
    async stop() {
      await turns.stop();
      await leader.resign();
    },
  };
}
