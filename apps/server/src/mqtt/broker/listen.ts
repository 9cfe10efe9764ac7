/** TCP and TLS listeners of the broker. Opens ports; the WebSocket side shares the HTTP server (websocket.ts). */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { MqttBroker } from './broker.js';

export interface TlsMaterial {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface MqttListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL), which the caller words: it knows how to find
 * the owner of a port.
 */
export function listenMqtt(
  broker: MqttBroker,
  where: { readonly host: string; readonly port: number; readonly tls?: TlsMaterial },
): Promise<MqttListener> {
  const take = (socket: Socket): void =>
    broker.handle(socket, { address: socket.remoteAddress ?? 'unknown' });
  const server: Server = where.tls
    ? createTlsServer({ ...where.tls, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 }, (socket) => {
        socket.setNoDelay(true);
        take(socket);
      })
    : // Without noDelay, PUBACK waits for the client's delayed ACK: 40 ms per message in flight.
      createServer({ noDelay: true }, take);
  // A failed handshake is the peer's affair and must not end the process.
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // A fleet that comes back at once fills the default queue of 511 and waits a second for its SYN to be repeated.
    server.listen({ port: where.port, host: where.host, backlog: 4_096 }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      const { address, port } = server.address() as AddressInfo;
      resolve({
        host: address,
        port,
        close: () => new Promise((closed) => server.close(() => closed())),
      });
    });
  });
}
