/** MQTT over WebSocket on an HTTP server that somebody else owns (MQTT 3.1.1, section 6). */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, createWebSocketStream } from 'ws';
import type { MqttBroker } from './broker.js';

export interface WebSocketOptions {
  readonly path: string;
  /** Largest WebSocket frame; MQTT packets in it are bounded by the broker. */
  readonly maxFrameBytes: number;
  /** Whose request it is: a proxy in front may have to be believed. */
  readonly addressOf: (request: IncomingMessage) => string;
}

/** The first address that a trusted proxy names, else the peer's own. */
export function sourceAddress(request: IncomingMessage, trustProxy: boolean): string {
  const told = trustProxy
    ? [request.headers['x-forwarded-for']].flat()[0]?.split(',', 1)[0]?.trim()
    : undefined;
  return told === undefined || told === '' ? (request.socket.remoteAddress ?? 'unknown') : told;
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
      broker.handle(stream, { address: options.addressOf(request) });
    });
  };
  server.on('upgrade', upgrade);
  return () => server.off('upgrade', upgrade);
}
