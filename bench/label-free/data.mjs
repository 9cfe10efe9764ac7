// The drifting streams of `npm run bench -- label-free`, as numbers: rows of features and a label, in the order of time.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const folder = process.env.TINYFLEET_SHARED_DATA
  ? new URL(`file://${process.env.TINYFLEET_SHARED_DATA}/`)
  : new URL('../../../shared/data/', import.meta.url);
const bytes = (path) => readFileSync(new URL(path, folder));
const floats = (path) => {
  const raw = gunzipSync(bytes(path));
  return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
};

/** Without date and price, as is usual: the label is the direction of the price. */
export function electricity() {
  const all = floats('drift_electricity_elec2/features_f32.bin.gz');
  const labels = gunzipSync(bytes('drift_electricity_elec2/label_u8.bin.gz'));
  const kept = [1, 2, 4, 5, 6, 7];
  const rows = Array.from({ length: labels.length }, (_, i) => kept.map((f) => all[i * 8 + f]));
  return {
    name: 'electricity',
    classes: 2,
    rows,
    labels: Array.from(labels),
    monitored: [1, 2, 3, 4, 5],
    chunk: 1_000,
    train: 9_000,
    validate: 4_500,
  };
}

export function gas() {
  const all = floats('drift_gas_sensor_array/features_f32.bin.gz');
  const labels = bytes('drift_gas_sensor_array/label_u8.bin');
  const rows = Array.from({ length: labels.length }, (_, i) =>
    Array.from(
      { length: 128 },
      (__, f) => Math.sign(all[i * 128 + f]) * Math.log1p(Math.abs(all[i * 128 + f])),
    ),
  );
  return {
    name: 'gas sensors',
    classes: 6,
    rows,
    labels: Array.from(labels, (label) => label - 1),
    monitored: [0, 24, 48, 80, 112],
    chunk: 250,
    train: 1_600,
    validate: 900,
  };
}
