// Real inputs for real models, from the shared data folder: read, scaled, as NPY files where the compiler takes those.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { findTool } from '@tinyfleet/testing';

const root = findTool('shared-data') ?? '';

export function sharedFile(...path: string[]): Buffer {
  return readFileSync(join(root, ...path));
}

export function model(fileName: string): { bytes: Uint8Array; fileName: string } {
  return { bytes: sharedFile('models', fileName), fileName };
}

export function npy(values: Float32Array | Uint8Array | Int8Array, shape: readonly number[]): Uint8Array {
  const type = values instanceof Float32Array ? '<f4' : values instanceof Int8Array ? '|i1' : '|u1';
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n';
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(header.length, 8);
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([head, Buffer.from(header, 'latin1'), data]);
}

/** The first `count` digits, pixels times `scale` (1/255 for models that want 0..1). */
export function mnist(count: number, scale: number): { pixels: Float32Array; labels: Uint8Array } {
  const images = gunzipSync(sharedFile('images_mnist_10k', 'images_u8.bin.gz'));
  const labels = gunzipSync(sharedFile('images_mnist_10k', 'labels_u8.bin.gz'));
  const pixels = Float32Array.from(images.subarray(0, count * 784), (pixel) => pixel * scale);
  return { pixels, labels: new Uint8Array(labels.subarray(0, count)) };
}

/** Median absolute deviation of x, y and z in g over each one-second recording of one condition. */
export function fanFeatures(condition: string): Float32Array {
  const meta = JSON.parse(sharedFile('vibration_fan_esp32', 'meta.json').toString()) as {
    scale_g_per_lsb: number;
    recordings: [condition: string, file: string, firstRow: number, rows: number][];
  };
  const raw = gunzipSync(sharedFile('vibration_fan_esp32', 'accel_i16.bin.gz'));
  const features = meta.recordings
    .filter(([name]) => name === condition)
    .flatMap(([, , first, rows]) =>
      [0, 1, 2].map((axis) => {
        const values = Array.from({ length: rows }, (_, i) => raw.readInt16LE(((first + i) * 3 + axis) * 2));
        const middle = median(values);
        return median(values.map((value) => Math.abs(value - middle))) * meta.scale_g_per_lsb;
      }),
    );
  return Float32Array.from(features);
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Linear between neighbours, as NumPy's default. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}
