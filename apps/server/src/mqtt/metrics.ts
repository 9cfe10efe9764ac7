/** Counters of the edge as Prometheus metrics, read when somebody scrapes. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { MqttBroker } from './broker/broker.js';
import type { Ingest } from './ingest/ingest.js';
import type { Asks } from './ota/asks.js';
import type { Ota } from './ota/ota.js';

export function exposeEdge(
  registry: Registry,
  edge: {
    readonly broker: MqttBroker;
    readonly ingest: Ingest;
    readonly ota: Ota;
    readonly asks: Asks;
    readonly certificatesEnding: () => number;
    readonly rollupLagSeconds: () => Promise<number>;
    readonly oversizedWindows: () => number;
  },
): void {
  const { broker, ingest, ota, asks } = edge;
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read());
      },
    });
  };
  const counters = (
    name: string,
    help: string,
    label: string,
    read: () => Iterable<[string, number]>,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of read()) this.inc({ [label]: value }, count);
      },
    });
  };
  gauge('tinyfleet_mqtt_connections', 'Connected devices.', () => broker.sessions.size);
  gauge('tinyfleet_certificates_ending', 'Certificates of devices that end soon without a successor.', () =>
    edge.certificatesEnding(),
  );
  gauge('tinyfleet_ingest_queued', 'Messages that wait for their commit.', () => ingest.batcher.queued);
  gauge('tinyfleet_ingest_queued_bytes', 'What they hold in memory.', () => ingest.batcher.queuedBytes);
  gauge(
    'tinyfleet_ingest_closing',
    'Connections to be closed whose messages could not be committed.',
    () => ingest.closings.size,
  );
  gauge('tinyfleet_rollup_lag_seconds', 'Age of the oldest batch that is not in the rollups.', () =>
    edge.rollupLagSeconds().catch(() => Number.NaN),
  );
  gauge(
    'tinyfleet_rollup_oversized_windows',
    'Stored windows of too many classes x confidence bins, left out of the rollups.',
    () => edge.oversizedWindows(),
  );
  counters('tinyfleet_mqtt_total', 'Broker events.', 'event', () => Object.entries(broker.counters));
  counters(
    'tinyfleet_mqtt_refused_total',
    'What the broker refused, by code.',
    'code',
    () => broker.refusals,
  );
  counters('tinyfleet_ota_total', 'Events of ota.', 'event', () => Object.entries(ota.counters));
  counters('tinyfleet_asks_total', 'Commands and key rotations sent.', 'event', () =>
    Object.entries(asks.counters),
  );
  counters('tinyfleet_ingest_batches_total', 'Events of ingest batches.', 'event', () =>
    Object.entries(ingest.batcher.counters),
  );
  counters('tinyfleet_ingest_messages_total', 'Messages by outcome.', 'outcome', () => {
    const { refused: _, ...numbers } = ingest.counters;
    return Object.entries(numbers);
  });
  counters(
    'tinyfleet_ingest_refused_total',
    'Refused payloads by code.',
    'code',
    () => ingest.counters.refused,
  );
}
