/** Looks after what is kept for its time only: competes for the lead, and removes once an hour what is over while it has it. */
import { setTimeout } from 'node:timers/promises';
import { Leader, PgRemovalStore } from '@tinyfleet/storage';
import { RetentionSweep, sweepDefaults } from '@tinyfleet/telemetry';
import { Counter, Gauge } from 'prom-client';
import { Turns } from '../alert/turns.js';
import type { RoleContext, RunningRole } from './role.js';

const POLL_MS = 3_600_000;

export function startRetention({ database, log, metrics, config }: RoleContext): RunningRole {
  const leader = new Leader(database, 'retention');
  let stopped = false;
  const sweep = new RetentionSweep(
    new PgRemovalStore(database, leader),
    { ...sweepDefaults, instanceDays: config.telemetryRetentionDays },
    { now: Date.now, pause: setTimeout, stopped: () => stopped },
  );
  const removed = new Counter({
    name: 'tinyfleet_retention_removed_total',
    help: 'Rows whose time was over, by kind.',
    labelNames: ['kind'],
    registers: [metrics],
  });
  const sweptAt = new Gauge({
    name: 'tinyfleet_retention_swept_timestamp_seconds',
    help: 'When this process last looked for what is over; 0: another one does.',
    registers: [metrics],
  });
  const turns = new Turns(
    async () => {
      if (!(await leader.tryLead())) return false;
      const rows = await sweep.run();
      for (const [kind, count] of Object.entries(rows)) removed.inc({ kind }, count);
      if (Object.keys(rows).length > 0) log.info({ removed: rows }, 'retention: removed what was over');
      sweptAt.set(Date.now() / 1_000);
      return false;
    },
    POLL_MS,
    (error) => log.warn({ err: error, part: 'retention' }, 'retention: will try again'),
  );
  turns.start();
  return {
    name: 'retention',
    async stop() {
      stopped = true;
      await turns.stop();
      await leader.resign();
    },
  };
}
