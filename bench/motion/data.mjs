// The recordings of motion_uci_hapt as numbers: of each subject the accelerometer's counts, the activity of each row, and its labelled
// frames. A recording is one subject's experiments one after the other.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const folder = process.env.TINYFLEET_SHARED_DATA
  ? new URL(`file://${process.env.TINYFLEET_SHARED_DATA}/motion_uci_hapt/`)
  : new URL('../../../shared/data/motion_uci_hapt/', import.meta.url);

const meta = JSON.parse(readFileSync(new URL('meta.json', folder), 'utf8'));
export const G_PER_COUNT = meta.scale.acc_g_per_lsb;
export const FRAME_ROWS = 128;
export const AXES = 3;
export const CLASSES = ['walking', 'upstairs', 'downstairs', 'sitting', 'standing', 'laying'];

/** @returns {Map<number, {counts: Int16Array, activity: Uint8Array}>} by subject; activity 0 = none of `CLASSES`, else its place + 1 */
export function recordings() {
  const { channels, stream } = meta;
  const bytes = gunzipSync(readFileSync(new URL('stream_i16.bin.gz', folder)));
  const rows = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const labels = gunzipSync(readFileSync(new URL('stream_label_u8.bin.gz', folder)));
  const found = new Map();
  for (const { subject, start, length } of stream.experiments) {
    const known = found.get(subject) ?? { counts: [], activity: [] };
    for (let row = start; row < start + length; row++) {
      for (let axis = 0; axis < AXES; axis++)
        known.counts.push(rows.getInt16((row * channels.length + axis) * 2, true));
      known.activity.push(labels[row] <= CLASSES.length ? labels[row] : 0);
    }
    found.set(subject, known);
  }
  return new Map(
    [...found]
      .sort(([a], [b]) => a - b)
      .map(([subject, { counts, activity }]) => [
        subject,
        { counts: Int16Array.from(counts), activity: Uint8Array.from(activity) },
      ]),
  );
}

/** Frames that lie within one activity: `x` in g, one after the other, `y` the place in `CLASSES`. */
export function framesOf({ counts, activity }, hop) {
  const starts = [];
  for (let row = 0; row + FRAME_ROWS <= activity.length; row += hop) {
    const label = activity[row];
    if (label > 0 && activity.subarray(row, row + FRAME_ROWS).every((one) => one === label)) starts.push(row);
  }
  const size = FRAME_ROWS * AXES;
  const x = new Float32Array(starts.length * size);
  starts.forEach((row, i) => {
    for (let k = 0; k < size; k++) x[i * size + k] = counts[row * AXES + k] * G_PER_COUNT;
  });
  return { x, y: Uint8Array.from(starts, (row) => activity[row] - 1) };
}
