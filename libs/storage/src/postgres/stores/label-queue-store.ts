/** The queue of predictions to label. Claims of a project wait for each other, so that nobody is given what another one took. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Inference, LabelQueueStore } from '@tinyfleet/quality';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

type Claim = Parameters<LabelQueueStore['claim']>[1];
type Claimed = Awaited<ReturnType<LabelQueueStore['claim']>>[number];
interface Key {
  device_id: string;
  boot_id: string;
  inference_index: number;
}

export class PgLabelQueueStore implements LabelQueueStore {
  constructor(private readonly db: Db) {}

  async counts(scope: ProjectScope, most: number): Promise<Resource<'LabelQueue'>> {
    const [row] = await this.db.query<Resource<'LabelQueue'>>(namedQuery('quality/label-queue-counts'), [
      scope.id,
      most,
    ]);
    return row!;
  }

  async claim(scope: ProjectScope, { by, seconds, counts, release, device }: Claim): Promise<Claimed[]> {
    await this.db.query(`select pg_advisory_xact_lock(7462, hashtext($1))`, [scope.id]);
    const taken = await this.db.query<Key>(namedQuery('quality/claim-labels'), [
      scope.id,
      by,
      seconds,
      counts.chance,
      counts.asked,
      counts.unsure,
      device ?? null,
      release ?? null,
    ]);
    return await this.items(scope, taken);
  }

  async renew(
    scope: ProjectScope,
    { by, seconds, most, release, device }: Parameters<LabelQueueStore['renew']>[1],
  ): Promise<Claimed[]> {
    const held = await this.db.query<Key>(namedQuery('quality/renew-claims'), [
      ...[scope.id, by, seconds, most, device ?? null, release ?? null],
    ]);
    return await this.items(scope, held);
  }

  async giveBack(scope: ProjectScope, by: string, items: readonly Inference[] | undefined): Promise<number> {
    const returned = await this.db.query(namedQuery('quality/return-claims'), [
      scope.id,
      by,
      items === undefined,
      ...columnsOf(items ?? []),
    ]);
    return returned.length;
  }

  async skip(
    scope: ProjectScope,
    items: readonly Inference[],
    { by, note }: { readonly by: string; readonly note: string },
  ): Promise<number> {
    const skipped = await this.db.query(namedQuery('quality/skip-labels'), [
      ...[scope.id, ...columnsOf(items), note, by],
    ]);
    return skipped.length;
  }

  async undo(
    scope: ProjectScope,
    items: readonly Inference[],
    { by, seconds }: { readonly by: string; readonly seconds: number },
  ): Promise<Claimed[]> {
    const undone = await this.db.query<Key>(namedQuery('quality/undo-labels'), [
      ...[scope.id, by, seconds, ...columnsOf(items)],
    ]);
    return await this.items(scope, undone);
  }

  async open(
    scope: ProjectScope,
    { devices, perDevice, note }: Parameters<LabelQueueStore['open']>[1],
  ): Promise<number> {
    const found = await this.db.query<{ id: string; name: string }>(
      'select id, name from device where project_id = $1 and name = any ($2::text[])',
      [scope.id, devices],
    );
    const missing = devices.find((name) => !found.some((one) => one.name === name));
    if (missing !== undefined) throw new FleetError('registry.device-not-found', { device: missing });
    const opened = await this.db.query(namedQuery('quality/open-label-tasks'), [
      scope.id,
      found.map(({ id }) => id),
      perDevice,
      note,
    ]);
    return opened.length;
  }

  private async items(scope: ProjectScope, keys: readonly Key[]): Promise<Claimed[]> {
    return await this.db.query<Claimed>(namedQuery('quality/label-items'), [
      scope.id,
      keys.map(({ device_id }) => device_id),
      keys.map(({ boot_id }) => boot_id),
      keys.map(({ inference_index }) => inference_index),
    ]);
  }
}

/** For unnest. */
const columnsOf = (items: readonly Inference[]) => [
  items.map((one) => one.device),
  items.map((one) => BigInt.asIntN(64, one.bootId).toString()),
  items.map((one) => one.inferenceIndex),
];
