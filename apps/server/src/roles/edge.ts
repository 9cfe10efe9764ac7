/** The edge role: opens MQTT listeners by configuration and runs broker, ingest and ota behind them. */
import { join } from 'node:path';
import type { AdmissionService } from '@tinyfleet/registry';
import type { Sealer } from '@tinyfleet/releases';
import { ListenChannels } from '@tinyfleet/storage';
import { defaultWindowPolicy } from '@tinyfleet/telemetry';
import { throttleDefaults } from '../mqtt/broker/auth-throttle.js';
import { attachWebSocket, sourceAddress } from '../mqtt/broker/websocket.js';
import { listenMqtt, type MqttListener } from '../mqtt/broker/listen.js';
import { Edge } from '../mqtt/edge.js';
import { exposeEdge } from '../mqtt/metrics.js';
import type { SeenBatch } from '../mqtt/tap/seen.js';
import { refusalLog } from '../platform/refusal-log.js';
import { listenError } from '../platform/listen.js';
import type { RoleContext, RunningRole } from './role.js';

const webSocketPath = '/mqtt';
export async function startEdge(
  context: RoleContext,
  { sealer, admission }: { readonly sealer: Sealer; readonly admission: AdmissionService },
): Promise<RunningRole> {
  const { config, log, database, blobs, events, httpServer, metrics } = context;
  const maxPacketBytes = config['limits.maxPacketBytes'];
  const listening = new ListenChannels<SeenBatch>(database, events);
  const edge = new Edge(database, blobs, {
    broker: {
      maxConnections: config['limits.maxConnections'],
      maxPacketBytes,
      messagesPerSecond: config['limits.messagesPerSecond'],
      messageBurst: config['limits.messageBurst'],
      throttle: {
        ...throttleDefaults,
        addressFailures: config['limits.authFailures'],
        addressFailuresPerMinute: config['limits.authFailures'] / 2,
        clientFailures: config['limits.authFailuresPerDevice'],
        clientFailuresPerMinute: config['limits.authFailuresPerDevice'] / 2,
      },
      replacedGraceS: config.credentialGraceS,
      certificateSkewS: config.certificateSkewS,
    },
    windows: { ...defaultWindowPolicy, retentionDays: config.telemetryRetentionDays },
    sealer,
    admission,
    certificateWarningDays: config.certificateWarningDays,
    taps: {
      maxListeners: config['listen.maxAtOnce'],
      maxListenersOfProject: config['listen.ofProject'],
      messagesPerSecond: config['listen.messagesPerSecond'],
      messageBurst: config['listen.messagesPerSecond'] * 2,
      // One message of any size passes.
      bytesPerSecond: Math.max(config['listen.bytesPerSecond'], 2 * maxPacketBytes),
    },
    tapExit: listening,
    onRefused: refusalLog(log),
    onError: (part, error) => log.warn({ err: error, part }, 'edge: will try again'),
  });
  await edge.start();
  const unsubscribeEvents = events.subscribe(() => edge.wake(), ['telemetry.committed']);
  const unsubscribeListeners = listening.onRequest((request) => edge.taps.take(request));
  const unsubscribe = (): void => {
    unsubscribeEvents();
    unsubscribeListeners();
  };
  const { broker, ingest, ota, asks } = edge;
  exposeEdge(metrics, {
    broker,
    ingest,
    ota,
    asks,
    certificatesEnding: () => edge.certificatesEnding,
    rollupLagSeconds: () => edge.rollups.lagSeconds(),
    oversizedWindows: () => edge.foldThread.oversized,
  });
  const listeners: MqttListener[] = [];
  const addresses: Record<string, string> = {};
  try {
    const plain = await open(edge, { host: config['mqtt.host'], port: config['mqtt.port'] }, '`--mqtt-port`');
    listeners.push(plain);
    addresses['mqtt'] = urlOf('mqtt', plain);
    if (config.lan) {
      // Loaded when it is needed: the certificate library costs a tenth of a start.
      const { ensureServerTls } = await import('../tls/authority.js');
      const tls = await ensureServerTls(join(context.dataDir.path, 'tls'));
      const secure = await open(edge, { host: '::', port: config['mqtt.tlsPort'], tls }, '`--mqtt-tls-port`');
      listeners.push(secure);
      addresses['mqtts'] = urlOf('mqtts', secure);
      log.info({ fingerprint: tls.fingerprint }, 'certificate authority of this instance');
    }
  } catch (error) {
    unsubscribe();
    await stopListening(edge, listeners);
    throw error;
  }
  const detach = attachWebSocket(httpServer, edge.broker, {
    path: webSocketPath,
    addressOf: (request) => sourceAddress(request, config['http.trustProxy']),
    maxFrameBytes: maxPacketBytes * 4,
  });
  return {
    name: 'edge',
    addresses,
    async stop() {
      unsubscribe();
      detach();
      await stopListening(edge, listeners);
    },
  };
}

/** A listener is closed when its last connection is, and the edge ends those. */
async function stopListening(edge: Edge, listeners: readonly MqttListener[]): Promise<void> {
  const closed = Promise.all(listeners.map((listener) => listener.close()));
  await edge.stop();
  await closed;
}

async function open(
  edge: Edge,
  where: Parameters<typeof listenMqtt>[1],
  option: string,
): Promise<MqttListener> {
  try {
    return await listenMqtt(edge.broker, where);
  } catch (error) {
    const purpose = where.tls ? 'MQTT over TLS' : 'MQTT';
    throw await listenError(error, { host: where.host, port: where.port, purpose, option });
  }
}

function urlOf(scheme: string, { host, port }: MqttListener): string {
  const shown = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host;
  return `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
}
