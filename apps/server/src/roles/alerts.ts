/** Messages, clocks and actions of alerts, beside the quality engine: competes for their lead. */
import {
  AlertClock,
  StandingAlerts,
  type AlertRouteService,
  type LabelQueueService,
} from '@tinyfleet/quality';
import type { CommandService } from '@tinyfleet/registry';
import type { RolloutOperator } from '@tinyfleet/rollouts';
import {
  Leader,
  PgAlertActions,
  PgAlertClocks,
  PgAlertOutbox,
  PgStandingReader,
  transactAsLeader,
} from '@tinyfleet/storage';
import { AlertActions } from '../alert/actions.js';
import { AlertSender } from '../alert/sender.js';
import { MessageTransport, transportOptions } from '../alert/transport.js';
import { Turns } from '../alert/turns.js';
import type { RoleContext, RunningRole } from './role.js';

const POLL_MS = 1_000;
const CLOCK_MS = 5_000;
const STANDING_MS = 60_000;

export function startAlerts(
  { database, events, log, config }: RoleContext,
  services: {
    readonly alertRoutes: AlertRouteService;
    readonly rolloutOperator: RolloutOperator;
    readonly commands: CommandService;
    readonly labelQueue: LabelQueueService;
  },
): RunningRole {
  const leader = new Leader(database, 'alert');
  const lead = () => leader.tryLead();
  const onError = (error: unknown) => log.warn({ err: error, part: 'alerts' }, 'alerts: will try again');
  const sender = new AlertSender(
    lead,
    new PgAlertOutbox(database),
    services.alertRoutes,
    new MessageTransport(transportOptions(config)),
    {
      maxAttempts: config['alerts.maxAttempts'],
      firstRetryMs: config['webhooks.firstRetryMs'],
      maxRetryMs: config['webhooks.maxRetryMs'],
      concurrency: config['webhooks.concurrency'],
      lanes: config['alerts.lanes'],
      ...{ pollMs: POLL_MS, onError },
    },
  );
  const actions = new AlertActions(
    new PgAlertActions(database),
    services.rolloutOperator,
    services.commands,
    services.labelQueue,
    onError,
  );
  const transact = transactAsLeader(database, leader);
  const clock = new AlertClock(new PgAlertClocks(database), transact);
  const standing = new StandingAlerts(new PgStandingReader(database), transact);
  // Apart: an action that takes long, or fails, holds up no message and no clock.
  const acting = new Turns(async () => (await lead()) && (await actions.turn()), POLL_MS, onError);
  const looks = [
    { turn: async () => await clock.turn(), everyMs: CLOCK_MS },
    { turn: async () => await standing.turn(), everyMs: STANDING_MS },
  ].map(
    ({ turn, everyMs }) =>
      new Turns(
        async () => {
          if (await lead()) await turn();
          return false;
        },
        everyMs,
        onError,
      ),
  );
  const unsubscribe = events.subscribe(() => {
    sender.wake();
    acting.wake();
  }, ['telemetry.committed']);
  sender.start();
  acting.start();
  for (const one of looks) one.start();
  return {
    name: 'alerts',
    async stop() {
      unsubscribe();
      await Promise.all([sender, acting, ...looks].map(async (one) => one.stop()));
      await leader.resign();
    },
  };
}
