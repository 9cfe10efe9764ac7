/**
 * Does what rules ask for when an alert opens, by the commands that people have, with the audit log they have. Rules of a domain do not
 * reach into another: this is the one place that knows both. An action that was done and not yet noted when its process ended is asked
 * for again; a rollout that is paused or back already says so, and that is as good as done. What is refused for good has failed; anything
 * else is tried again, later each time, and holds up no other action.
 */
import type { ProjectScope } from '@tinyfleet/contracts';
import { isFleetError, type FleetError } from '@tinyfleet/errors';
import type { LabelQueueService } from '@tinyfleet/quality';
import type { CommandService } from '@tinyfleet/registry';
import type { RolloutOperator } from '@tinyfleet/rollouts';
import type { ActionOutcome, DueAction, PgAlertActions } from '@tinyfleet/storage';
import { retryDelayMs, type RetryOptions } from '../webhook/retry.js';

export interface ActionOptions extends RetryOptions {
  /** Devices that are asked for samples by one alert. */
  readonly sampleDevices: number;
  /** Samples asked of each. */
  readonly samples: number;
  /** Devices whose predictions one alert puts into the queue of labels, and how many of each. */
  readonly labelDevices: number;
  readonly labels: number;
}
export const actionDefaults: ActionOptions = {
  ...{ sampleDevices: 5, samples: 4, labelDevices: 20, labels: 5 },
  ...{ maxAttempts: 8, firstRetryMs: 5_000, maxRetryMs: 600_000 },
};

const ACTOR = 'engine';
const LOOK = 20;
const SAMPLES_EXPIRE_S = 86_400;

export class AlertActions {
  constructor(
    private readonly actions: PgAlertActions,
    private readonly operator: RolloutOperator,
    private readonly commands: CommandService,
    private readonly labels: LabelQueueService,
    private readonly onError: (error: unknown) => void,
    private readonly options: ActionOptions = actionDefaults,
  ) {}

  /** Answers whether there may be more at once. */
  async turn(): Promise<boolean> {
    const { sampleDevices, labelDevices } = this.options;
    const due = await this.actions.due(LOOK, Math.max(sampleDevices, labelDevices));
    for (const one of due) await this.actions.settle(one, await this.act(one));
    return due.length === LOOK;
  }

  private async act(due: DueAction): Promise<ActionOutcome> {
    try {
      return { state: 'done', text: await this.perform(due), retryInMs: 0 };
    } catch (error) {
      const isRefused = isFleetError(error) && !error.transient;
      if (!isRefused) this.onError(error);
      const attempts = due.attempts + 1;
      const isLast = isRefused || attempts >= this.options.maxAttempts;
      const reason = isFleetError(error) ? error.message : 'the server failed to; its log says why';
      return {
        state: isLast ? 'failed' : 'due',
        text: isRefused ? reason : `${reason} (attempt ${attempts})`,
        retryInMs: retryDelayMs(this.options, due.attempts),
      };
    }
  }

  private async perform(due: DueAction): Promise<string> {
    const { scope, alert, action } = due;
    switch (action) {
      case 'hold-rollout':
        return await this.each(due, ['running', 'paused'], ['paused', 'held already'], async (number) => {
          await this.operator.pause(`${ACTOR}/alert-${alert}`, scope, number);
        });
      case 'roll-back':
        return await this.each(
          due,
          ['running', 'paused', 'awaiting-approval', 'rolling-back'],
          ['rolled back', 'on its way back already'],
          async (number) => {
            await this.operator.rollBack(`${ACTOR}/alert-${alert}`, scope, number, {
              reason: `alert ${alert}`,
            });
          },
        );
      case 'request-samples':
        return await this.requestSamples(scope, due);
      case 'labelling-task': {
        const { opened } = await this.labels.open(`${ACTOR}/alert-${alert}`, scope, {
          devices: due.devices.slice(0, this.options.labelDevices),
          perDevice: this.options.labels,
          note: `alert ${alert}`,
        });
        return `${opened} predictions wait for a label`;
      }
    }
  }

  private async each(
    { scope, alert, model }: DueAction,
    states: readonly string[],
    [word, already]: readonly [string, string],
    work: (number: number) => Promise<void>,
  ): Promise<string> {
    const [done, settled]: [number[], number[]] = [[], []];
    let refused: FleetError | undefined;
    for (const number of await this.actions.rollouts(scope, alert, states)) {
      const refusal = await refusalOf(work(number));
      if (!refusal) done.push(number);
      // As when it was done and not noted.
      else if (refusal.code === 'rollouts.not-running') settled.push(number);
      else refused = refusal;
    }
    const parts = [
      ...(done.length > 0 ? [`rollout ${done.join(', ')} ${word}`] : []),
      ...(settled.length > 0 ? [`rollout ${settled.join(', ')} ${already}`] : []),
    ];
    if (done.length > 0 || (settled.length > 0 && !refused)) return parts.join('; ');
    if (refused) throw refused;
    return `no open rollout of ${model ?? 'it'} brought what these devices run`;
  }

  /** A device that takes no command, such as one that is retired, is left out: the next one is asked. */
  private async requestSamples(scope: ProjectScope, { devices, alert }: DueAction): Promise<string> {
    const asked: string[] = [];
    let refused: FleetError | undefined;
    for (const device of devices) {
      if (asked.length === this.options.sampleDevices) break;
      const refusal = await refusalOf(
        this.commands.send(`${ACTOR}/alert-${alert}`, scope, device, {
          command: 'send-samples',
          argument: this.options.samples,
          expiresInSeconds: SAMPLES_EXPIRE_S,
        }),
      );
      if (refusal) refused = refusal;
      else asked.push(device);
    }
    if (asked.length > 0) return `${this.options.samples} samples asked of ${asked.join(', ')}`;
    if (refused) throw refused;
    return 'no device to ask';
  }
}

/** Undefined: it was done. What may go another time is thrown. */
async function refusalOf(work: Promise<unknown>): Promise<FleetError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (!isFleetError(error) || error.transient) throw error;
    return error;
  }
}
