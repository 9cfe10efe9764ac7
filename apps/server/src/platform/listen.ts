/** Words the failures of opening a port: who has it, and which flag avoids it. */
import { FleetError } from '@tinyfleet/errors';
import { portOwner } from '@tinyfleet/storage';

export interface PortUse {
  readonly host: string;
  readonly port: number;
  /** e.g. `HTTP` */
  readonly purpose: string;
  /** The flag that moves this port alone, e.g. `--http-port`. */
  readonly option: string;
}

/** A failed listen as its registered error; other errors come back as they are. */
export async function listenError(error: unknown, use: PortUse): Promise<unknown> {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    const owner = (await portOwner(use.port)) ?? 'another program';
    return new FleetError('server.port-in-use', { ...use, owner, suggestedOffset: 100 }, { cause: error });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new FleetError('server.port-refused', { ...use, reason: message }, { cause: error });
  }
  return error;
}
