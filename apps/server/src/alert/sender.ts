/**
 * Tells of alerts, in the one process that leads: each route has a lane of its own, so a dead webhook holds up no mail. A delivery is
 * settled after its attempt: an end of the process in between repeats it under the same id.
 */
import type { AlertRouteService, AlertTarget } from '@tinyfleet/quality';
import type { DueAlert, DueRoute, PgAlertOutbox } from '@tinyfleet/storage';
import { Lanes } from '../webhook/lanes.js';
import { outcomeOf, retryDelayMs, type RetryOptions } from '../webhook/retry.js';
import type { MessageTransport } from './transport.js';

export interface AlertSenderOptions extends RetryOptions {
  /** Messages to one route at a time. */
  readonly concurrency: number;
  /** Routes that are told at a time. */
  readonly lanes: number;
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
}

export class AlertSender {
  private readonly lanes: Lanes<DueRoute>;

  constructor(
    lead: () => Promise<boolean>,
    private readonly outbox: PgAlertOutbox,
    private readonly routes: Pick<AlertRouteService, 'open'>,
    private readonly transport: MessageTransport,
    private readonly options: AlertSenderOptions,
  ) {
    const { lanes: most, pollMs, onError } = options;
    this.lanes = new Lanes({
      lead,
      find: async (busy, room) => await outbox.routes(busy, room),
      serve: async (route) => await this.serve(route),
      ...{ most, pollMs, onError },
    });
  }

  start(): void {
    this.lanes.start();
  }

  /** There may be something to tell. */
  wake(): void {
    this.lanes.wake();
  }

  async stop(): Promise<void> {
    await this.lanes.stop();
  }

  private async serve(route: DueRoute): Promise<boolean> {
    const due = await this.outbox.due(route, this.options.concurrency);
    if (due.length === 0) return false;
    const target = this.targetOf(route);
    await Promise.all(due.map(async (one) => this.attempt(route, target, one)));
    return true;
  }

  private async attempt(
    route: DueRoute,
    target: AlertTarget | Error,
    { id, attempts, message }: DueAlert,
  ): Promise<void> {
    const error = target instanceof Error ? target.message : await this.transport.send(target, message, id);
    await this.outbox.settle(route, id, {
      state: outcomeOf(this.options, attempts, error),
      error,
      retryInMs: retryDelayMs(this.options, attempts),
    });
  }

  /** A target that cannot be opened any more is one that was not reached. */
  private targetOf({ projectId, sealed }: DueRoute): AlertTarget | Error {
    try {
      return this.routes.open(projectId, sealed);
    } catch (error) {
      return error as Error;
    }
  }
}
