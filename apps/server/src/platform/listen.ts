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
    return new FleetError(
      'server.port-in-use',
      { ...use, owner, suggestedOffset: nextOffset(use) },
      { cause: error },
    );
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new FleetError('server.port-refused', { ...use, reason: message }, { cause: error });
  }
  return error;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  HTTP: 8080,
  HTTPS: 8443,
  MQTT: 1883,
  'MQTT over TLS': 8883,
};

/** A hundred beyond the offset that this port has now. */
function nextOffset({ port, purpose }: PortUse): number {
  return Math.max(0, port - (DEFAULT_PORTS[purpose] ?? port)) + 100;
}
