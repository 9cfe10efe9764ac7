/**
 * Which prediction to label next. A part of what is given out is drawn by chance, whatever was predicted: estimates rest on these alone,
 * because labels of unsure predictions would make every model look worse than it is. The rest goes where a label tells most: to
 * what somebody asked for, such as the devices of an alert, and to the least sure predictions.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { bootIdFromHex } from '@tinyfleet/wire';
import type { ClaimedLabel, Inference, LabelQueueStore, LabelQueueStores, LabelReason } from './ports.js';

export interface LabelQueueOptions {
  /** Of what is given out, drawn by chance. Default .5. */
  readonly chanceShare: number;
  /** How long a prediction is kept for who took it. Default 15 minutes. */
  readonly claimSeconds: number;
  /** Up to where unlabelled predictions are counted. */
  readonly countUpTo: number;
}
export const labelQueueDefaults: LabelQueueOptions = {
  chanceShare: 0.5,
  claimSeconds: 900,
  countUpTo: 10_000,
};

type Claim = Omit<Resource<'LabelClaim'>, 'resume'> & { readonly resume?: boolean };
type Given = Resource<'LabelSkip'>['items'];

export class LabelQueueService {
  constructor(
    private readonly store: LabelQueueStore,
    private readonly transact: Transact<LabelQueueStores>,
    private readonly options: LabelQueueOptions = labelQueueDefaults,
  ) {}

  async counts(scope: ProjectScope): Promise<Resource<'LabelQueue'>> {
    return await this.store.counts(scope, this.options.countUpTo);
  }

  async claim(
    actor: string,
    scope: ProjectScope,
    { count, release, device, resume = false }: Claim,
  ): Promise<Resource<'LabelItems'>> {
    const { claimSeconds: seconds } = this.options;
    const claimed = await this.transact(async ({ queue, audit }) => {
      const of = { by: actor, seconds, release, device };
      const held = resume ? await queue.renew(scope, { ...of, most: count }) : [];
      const counts = this.countsOf(count - held.length);
      const items = counts === undefined ? [] : await queue.claim(scope, { ...of, counts });
      await audit.append(scope, {
        actor,
        action: 'labels.claimed',
        target: 'queue',
        detail: { count: items.length, ...(resume && { held: held.length }) },
      });
      return [...held, ...items];
    });
    return { items: claimed.map(shown) };
  }

  /** Undefined: none. */
  private countsOf(count: number): Readonly<Record<LabelReason, number>> | undefined {
    if (count <= 0) return undefined;
    const { chanceShare } = this.options;
    // At least one by chance: a queue taken one by one would else never draw.
    const chance = Math.max(1, Math.round(count * chanceShare));
    const rest = count - chance;
    return { chance, asked: rest, unsure: rest };
  }

  async skip(actor: string, scope: ProjectScope, items: Given, note: string): Promise<{ skipped: number }> {
    return await this.transact(async ({ queue, audit }) => {
      const skipped = await queue.skip(scope, items.map(inference), { by: actor, note });
      await audit.append(scope, {
        actor,
        action: 'labels.skipped',
        target: 'queue',
        detail: { skipped, note },
      });
      return { skipped };
    });
  }

  /** Of what this person labelled or skipped; what somebody else did, or came without the queue, stays. */
  async undo(actor: string, scope: ProjectScope, items: Given): Promise<Resource<'LabelItems'>> {
    return await this.transact(async ({ queue, audit }) => {
      const seconds = this.options.claimSeconds;
      const undone = await queue.undo(scope, items.map(inference), { by: actor, seconds });
      const detail = { undone: undone.length };
      await audit.append(scope, { actor, action: 'labels.undone', target: 'queue', detail });
      return { items: undone.map(shown) };
    });
  }

  /** @param items undefined: all that this person holds */
  async giveBack(
    actor: string,
    scope: ProjectScope,
    items: Given | undefined,
  ): Promise<{ returned: number }> {
    return await this.transact(async ({ queue, audit }) => {
      const returned = await queue.giveBack(scope, actor, items?.map(inference));
      await audit.append(scope, { actor, action: 'labels.returned', target: 'queue', detail: { returned } });
      return { returned };
    });
  }

  /** For people and for alerts. @throws registry.device-not-found */
  async open(
    actor: string,
    scope: ProjectScope,
    task: { readonly devices: readonly string[]; readonly perDevice: number; readonly note: string },
  ): Promise<{ opened: number }> {
    return await this.transact(async ({ queue, audit }) => {
      const opened = await queue.open(scope, task);
      const detail = { opened, devices: task.devices.length, note: task.note };
      await audit.append(scope, { actor, action: 'labels.asked', target: 'queue', detail });
      return { opened };
    });
  }
}

const shown = ({ at, claimedUntil, ...item }: ClaimedLabel): Resource<'LabelItem'> => ({
  ...item,
  at: at.toISOString(),
  claimedUntil: claimedUntil.toISOString(),
});

/** @throws telemetry.boot-unknown */
export function inference({ device, bootId, inferenceIndex }: Given[number]): Inference {
  const id = bootIdFromHex(bootId);
  if (id === undefined) throw new FleetError('telemetry.boot-unknown', { device, bootId });
  return { device, bootId: id, inferenceIndex };
}
