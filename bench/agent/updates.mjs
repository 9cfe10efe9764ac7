// Bytes of an update by method, each payload proved by the device's own decoder; the keyword model when the shared data is
// there, the demo model always. Next to it what other clients move for the same bundle: they know full images only.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measureUpdates } from '@tinyfleet/demo-model';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { bar, table } from '../report.mjs';

const KWS = fileURLToPath(new URL('../../../shared/data/mlperf_tiny/kws_ref_model.tflite', import.meta.url));
const MODELS = new URL('../../tools/demo-model/models/', import.meta.url);

const BARS = [
  { update: 'last-layer', id: 'update.lastLayer', bar: 0.1, unit: 'x bundle' },
  { update: 'all-layers', id: 'update.allLayers', bar: 0.45, unit: 'x bundle' },
  { update: 'one-more-class', id: 'update.oneMoreClass', bar: 0.15, unit: 'x bundle' },
  { update: 'labels', id: 'update.labels', bar: 512, unit: 'B' },
];

export async function measureUpdateSizes() {
  const demo = {
    fileName: 'vibration.tflite',
    bytes: readFileSync(new URL('vibration-v1.tflite', MODELS)),
    other: readFileSync(new URL('vibration-v2.tflite', MODELS)),
    labels: VIBRATION_CLASSES,
  };
  const sources = [['demo', demo]];
  if (existsSync(KWS)) {
    const labels = Array.from({ length: 12 }, (_, i) => `word ${i}`);
    sources.push(['kws', { fileName: 'kws.tflite', bytes: readFileSync(KWS), labels }]);
  } else
    process.stdout.write('kws left out: ../shared/data is not here; the bars are those of the demo model\n');

  const bars = [];
  for (const [model, source] of sources) {
    const sizes = await measureUpdates(source);
    process.stdout.write(`${model}, bundle of ${sizes[0].full} B\n`);
    table(
      ['payload bytes', 'full', 'compressed', 'delta', 'compressed/full', 'delta/full'],
      sizes.map(({ update, full, compressed, delta }) => [
        update,
        full,
        compressed,
        delta,
        `${((100 * compressed) / full).toFixed(1)} %`,
        `${((100 * delta) / full).toFixed(1)} %`,
      ]),
    );
    table(
      ['bytes on the wire for all layers tuned', 'bytes', 'x ours by delta'],
      onTheWire(sizes.find(({ update }) => update === 'all-layers')),
    );
    // The bars are of the last model: the keyword model where it is.
    bars.splice(0, bars.length);
    for (const { update, id, bar: wanted, unit } of BARS) {
      const { full, delta } = sizes.find((size) => size.update === update);
      bars.push(bar({ id, value: unit === 'B' ? delta : delta / full, bar: wanted, better: 'lower', unit }));
    }
  }
  return bars;
}

const TCP_IP = 52; // with time stamps
const UDP_IP = 28;
const SEGMENT = 1_400;

/**
 * What one update moves in both directions, from the published shapes of the protocols; connection set-up and TLS are left
 * out for all alike.
 */
function onTheWire({ full, compressed, delta }) {
  const ours = (payload) => {
    // Chunk: MQTT head and topic 60, CBOR 30; a want of 110 for 8 chunks; desired with its manifest 650; hello 330; five states of 140.
    const chunks = Math.ceil(payload / 1_024);
    const down = payload + chunks * 90 + 650;
    const up = Math.ceil(chunks / 8) * 110 + 330 + 5 * 140;
    return down + up + segments(down) + segments(up);
  };
  const tcp = (bytes) => bytes + segments(bytes);
  // CoAP block-wise, 1,024-byte blocks, one request each: DTLS 1.2 record with connection id 37, CoAP head, token and options.
  const coap = Math.ceil(full / 1_024) * (1_024 + 23 + 37 + UDP_IP + 45 + 37 + UDP_IP);
  // HTTP(S) download of an artifact: tar heads and header file of about 4 KB around the payload, a request of 400.
  const http = tcp(full + 4_096 + 600) + 400 + TCP_IP;
  const reference = ours(delta);
  return [
    ['TinyFleet, delta', ours(delta)],
    ['TinyFleet, compressed', ours(compressed)],
    ['TinyFleet, full', ours(full)],
    ['Golioth: full image, CoAP blocks of 1,024 B', coap],
    ['mender-mcu: full image over HTTP', http],
  ].map(([name, bytes]) => [name, Math.round(bytes), `${(bytes / reference).toFixed(2)}x`]);
}

/** TCP/IP heads of so many bytes, and one acknowledgement for two segments. */
function segments(bytes) {
  return Math.ceil(bytes / SEGMENT) * TCP_IP * 1.5;
}
