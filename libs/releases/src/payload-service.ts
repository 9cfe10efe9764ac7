/**
 * Payloads of transfers: which bytes bring a bundle to devices for less than its own. Planned in the transaction of what
 * makes them worth having (a signed release, a rollout), computed by jobs, offered only when verified and smaller by a
 * margin. A device never waits for one: without a payload it is offered the bundle as it is. docs/design/transfer.md.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { isFleetError } from '@tinyfleet/errors';
import type { PayloadJob, PayloadKey, PayloadReader, ReleaseStores, TransferEncoder } from './ports.js';

export interface TransferOptions {
  /** Deltas per bundle and sector size, against the bases that most devices hold. More costs compute and disk. */
  readonly maxBases: number;
  /** A payload must save at least so much of the bundle, or devices are not bothered with decoding. */
  readonly minSavingPercent: number;
  /** Payloads of bundles that nobody is to get any more are removed after this time. They can be made again. */
  readonly keepDays: number;
}
export const transferDefaults: TransferOptions = { maxBases: 4, minSavingPercent: 10, keepDays: 30 };

/** Part of the transaction that signs a release or starts a rollout. @returns how many are to be computed */
export async function planPayloads(
  stores: Pick<ReleaseStores, 'payloads' | 'payloadQueue'>,
  scope: ProjectScope,
  of: { readonly releaseId: string; readonly rolloutId?: string | undefined },
  { maxBases }: Pick<TransferOptions, 'maxBases'> = transferDefaults,
): Promise<number> {
  const planned = await stores.payloads.plan(scope, { ...of, maxBases });
  for (const key of planned) await stores.payloadQueue.enqueue(scope, key);
  return planned.length;
}

export class PayloadService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'payloads'>,
    private readonly transact: Transact<ReleaseStores>,
    private readonly blobs: PayloadReader,
    private readonly options: TransferOptions = transferDefaults,
  ) {}

  /**
   * The worker's side of one job: reads the bundles, has them encoded and verified, stores what is worth storing. A
   * bundle that cannot be encoded is noted and no error: its devices get it in full. Throws when the job should be
   * tried again.
   */
  async compute(scope: ProjectScope, key: PayloadKey, encoder: TransferEncoder): Promise<PayloadOutcome> {
    if (!(await this.stores.payloads.isQueued(scope, key))) return { state: 'gone' };
    const job: PayloadJob = {
      method: key.method,
      blockBytes: key.blockBytes,
      target: await this.blobs.read(key.target),
      base: key.base === '' ? undefined : await this.blobs.read(key.base),
    };
    const payload = await encoder.encode(job).catch((error: unknown) => error as Error);
    if (payload instanceof Error) {
      // The worker is being stopped: another one goes on.
      if (isFleetError(payload) && payload.code === 'builds.cancelled') throw payload;
      await this.stores.payloads.failed(scope, key, payload.message.slice(0, 500));
      return { state: 'failed', error: payload };
    }
    const { length } = payload;
    if (length > job.target.length * (1 - this.options.minSavingPercent / 100)) {
      await this.stores.payloads.useless(scope, key, length);
      return { state: 'useless', bytes: length };
    }
    const blob = await this.blobs.put(payload, length);
    await this.transact(async ({ payloads }) => await payloads.ready(scope, key, blob));
    await this.prune(scope);
    return { state: 'ready', bytes: length };
  }

  /** Rows first, bytes after the commit: a crash between leaves bytes that nothing names, never a name without bytes. */
  private async prune(scope: ProjectScope): Promise<void> {
    const orphans = await this.transact(
      async ({ payloads }) => await payloads.prune(scope, this.options.keepDays),
    );
    for (const blob of orphans) await this.blobs.remove(blob);
  }
}

export type PayloadOutcome =
  | { readonly state: 'ready' | 'useless'; readonly bytes: number }
  | { readonly state: 'failed'; readonly error: Error }
  /** Removed with its project, or done by another worker. */
  | { readonly state: 'gone' };
