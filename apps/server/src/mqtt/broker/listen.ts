/** TCP and TLS listeners of the broker. Opens ports; the WebSocket side shares the HTTP server (websocket.ts). */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
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

/** Certificates looked at of one peer: a device's, and those between it and its authority. */
const maxChain = 5;

/** A resumed session has the first one only, which is enough for a device that is known. */
export function certificatesOf(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < maxChain) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}

/**
 * Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL), which the caller words: it knows how to find
 * the owner of a port.
 */
export function listenMqtt(
  broker: MqttBroker,
  where: { readonly host: string; readonly port: number; readonly tls?: TlsMaterial },
): Promise<MqttListener> {
  const addressOf = (socket: Socket): string => socket.remoteAddress ?? 'unknown';
  const server: Server = where.tls
    ? createTlsServer(
        {
          ...where.tls,
          minVersion: 'TLSv1.2',
          handshakeTimeout: 10_000,
          // Asked of all, needed by none: the handshake proves that the peer holds its key. Which authorities count depends
          // on the project, which is known with CONNECT only, so the chain is judged there.
          requestCert: true,
          rejectUnauthorized: false,
        },
        (socket) => {
          socket.setNoDelay(true);
          broker.handle(socket, {
            address: addressOf(socket),
            certificates: () => certificatesOf(socket),
          });
        },
      )
    : // Without noDelay, PUBACK waits for the client's delayed ACK: 40 ms per message in flight.
      createServer({ noDelay: true }, (socket) => broker.handle(socket, { address: addressOf(socket) }));
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
