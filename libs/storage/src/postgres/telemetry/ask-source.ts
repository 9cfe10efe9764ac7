/** What devices are asked next, for many devices in a few statements, with the keys that authenticate it. */
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
  readonly sealedKey: Buffer | null;
  readonly signerId: string | null;
  readonly sealedPrivateKey: Buffer | null;
}
interface RotationRow extends NonNullable<DueAsk['rotation']> {
  readonly projectId: string;
  readonly deviceId: string;
  readonly counter: number;
  readonly signerId: string;
  readonly sealedPrivateKey: Buffer | null;
}

export class PgAskSource implements AskSource {
  constructor(private readonly database: Database) {}

  async next(
    devices: readonly {
      projectId: string;
      deviceId: string;
      credentialId: string;
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
        const { projectId: _, deviceId, counter, signerId, sealedPrivateKey, ...rotation } = row;
        const nothing = { argument: undefined, data: undefined, sealedKey: undefined };
        const signer = sealedPrivateKey ? { id: signerId, sealedPrivateKey } : undefined;
        due.set(deviceId, { counter, command: 'rotate-key', ...nothing, signer, rotation });
      }
      // A new key goes first: what else waits needs no key.
      const rest = devices.filter(({ deviceId }) => !due.has(deviceId));
      const commands = await tx.query<CommandRow>(namedQuery('telemetry/next-commands'), [
        rest.map(({ projectId }) => projectId),
        rest.map(({ deviceId }) => deviceId),
        rest.map(({ credentialId }) => credentialId),
      ]);
      for (const row of commands) {
        const { deviceId, counter, command, argument, data, sealedKey, signerId, sealedPrivateKey } = row;
        changed(row);
        due.set(deviceId, {
          counter,
          command,
          argument: argument ?? undefined,
          data: data ?? undefined,
          sealedKey: sealedKey ?? undefined,
          signer:
            signerId === null || sealedPrivateKey === null ? undefined : { id: signerId, sealedPrivateKey },
          rotation: undefined,
        });
      }
      await outbox.write(tx);
    });
    return devices.map(({ deviceId }) => due.get(deviceId));
  }
}
