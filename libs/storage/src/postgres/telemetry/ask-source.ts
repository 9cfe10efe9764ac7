/** What devices are asked next, for many devices in a few statements; and the keys that authenticate it. */
import type { EventData } from '@tinyfleet/contracts';
import type { AskSource, DueAsk } from '@tinyfleet/registry';
import type { Database } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { Outbox } from './outbox.js';

type Changed = EventData<'command.changed'> & { readonly projectId: string };
interface CommandRow extends Changed {
  readonly deviceId: string;
  readonly counter: number;
  readonly argument: number | null;
  readonly data: Buffer | null;
  readonly sealedKey: Buffer;
}
interface RotationRow extends NonNullable<DueAsk['rotation']> {
  readonly projectId: string;
  readonly deviceId: string;
  readonly counter: number;
}

export class PgAskSource implements AskSource {
  constructor(private readonly database: Database) {}

  async next(
    devices: readonly {
      projectId: string;
      deviceId: string;
      isNewSession: boolean;
      mayRotate: boolean;
    }[],
  ): Promise<(DueAsk | undefined)[]> {
    const due = new Map<string, DueAsk>();
    await this.database.transaction(async (tx) => {
      const outbox = new Outbox();
      const changed = ({ projectId, device, id, command, state }: Changed): void =>
        outbox.add(projectId, 'command.changed', { device, id, command, state });
      const projects = devices.map(({ projectId }) => projectId);
      const ids = devices.map(({ deviceId }) => deviceId);
      const isNew = devices.map(({ isNewSession }) => isNewSession);
      const settled = await tx.query<Changed>(namedQuery('telemetry/settle-commands'), [
        projects,
        ids,
        isNew,
      ]);
      settled.forEach(changed);
      const rotating = devices.filter(({ mayRotate }) => mayRotate);
      const rotations = await tx.query<RotationRow>(namedQuery('telemetry/next-rotations'), [
        rotating.map(({ projectId }) => projectId),
        rotating.map(({ deviceId }) => deviceId),
      ]);
      for (const row of rotations) {
        const { projectId: _, deviceId, counter, ...rotation } = row;
        const nothing = { argument: undefined, data: undefined, sealedKey: undefined };
        due.set(deviceId, { counter, command: 'rotate-key', ...nothing, rotation });
      }
      // A new key goes first: what else waits needs no key.
      const rest = devices.filter(({ deviceId }) => !due.has(deviceId));
      const commands = await tx.query<CommandRow>(namedQuery('telemetry/next-commands'), [
        rest.map(({ projectId }) => projectId),
        rest.map(({ deviceId }) => deviceId),
      ]);
      for (const row of commands) {
        const { deviceId, counter, command, argument, data, sealedKey } = row;
        changed(row);
        due.set(deviceId, {
          counter,
          command,
          argument: argument ?? undefined,
          data: data ?? undefined,
          sealedKey,
          rotation: undefined,
        });
      }
      await outbox.write(tx);
    });
    return devices.map(({ deviceId }) => due.get(deviceId));
  }

  async keepKeys(
    keys: readonly { projectId: string; deviceId: string; tokenHash: Uint8Array; sealedKey: Buffer }[],
  ): Promise<void> {
    await this.database.execute(
      `update device d set sealed_key = k.sealed_key
       from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) as k (project_id, id, token_hash, sealed_key)
       where d.project_id = k.project_id and d.id = k.id and d.token_hash = k.token_hash and d.sealed_key is null`,
      [
        keys.map(({ projectId }) => projectId),
        keys.map(({ deviceId }) => deviceId),
        keys.map(({ tokenHash }) => Buffer.from(tokenHash)),
        keys.map(({ sealedKey }) => sealedKey),
      ],
    );
  }
}
