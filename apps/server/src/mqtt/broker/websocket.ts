/** MQTT over WebSocket on an HTTP server that somebody else owns (MQTT 3.1.1, section 6). */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocketServer, createWebSocketStream } from 'ws';
import type { MqttBroker } from './broker.js';
import { certificatesOf } from './listen.js';

export interface WebSocketOptions {
  readonly path: string;
  /** Largest WebSocket frame; MQTT packets in it are bounded by the broker. */
  readonly maxFrameBytes: number;
  /** Whose request it is: a proxy in front may have to be believed. */
  readonly addressOf: (request: IncomingMessage) => string;
}

/**
 * Whom the outermost of `proxies` trusted proxies has seen: each adds its peer at the end, so what stands further left is
 * what a client made up.
 */
export function sourceAddress(
  { headers, socket }: Pick<IncomingMessage, 'headers'> & { readonly socket: { remoteAddress?: string } },
  proxies: number,
): string {
  const told = [headers['x-forwarded-for']]
    .flat()
    .join(',')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const seen = proxies === 0 ? undefined : told.slice(-proxies)[0];
  return seen ?? socket.remoteAddress ?? 'unknown';
}

/** Returns how to detach again; connections end with the broker. */
export function attachWebSocket(server: Server, broker: MqttBroker, options: WebSocketOptions): () => void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    // [MQTT-6.0.0-3]: the client offers "mqtt", and the server selects it.
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if ((request.url ?? '').split('?', 1)[0] !== options.path) return;
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
    if (!offered.includes('mqtt')) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket);
      stream.on('error', () => {});
      broker.handle(stream, {
        address: options.addressOf(request),
        isWebSocket: true,
        // Of the TLS connection that ends here; a proxy in front keeps its peers' to itself.
        certificates: () => (request.socket instanceof TLSSocket ? certificatesOf(request.socket) : []),
      });
    });
  };
  server.on('upgrade', upgrade);
  return () => server.off('upgrade', upgrade);
}
