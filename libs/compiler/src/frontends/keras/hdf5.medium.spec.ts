// HDF5 files that Keras wrote: what another reader finds in them, and what hostile ones get.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { unzipSync } from 'fflate';
import { File, type Entry } from 'jsfive';
import { formatVectors, hdf5Vectors } from '../../../test/format-vectors.js';
import { mutate } from '../../../test/mutate.js';
import { DEFAULT_MODEL_LIMITS, type ModelLimits } from '../limits.js';
import { Hdf5File, isHdf5 } from './hdf5.js';

const files = formatVectors('keras.gz').map(({ name, bytes }) => ({
  name,
  bytes: isHdf5(bytes) ? bytes : unzipSync(bytes)['model.weights.h5']!,
}));

/** Damage can make a group contain itself. */
const DEEPEST = 6;

function readAll(file: Hdf5File, path = '', depth = 0): string[] {
  return (file.links(path) ?? []).slice(0, 30).flatMap((name) => {
    const below = `${path}/${name}`;
    if (file.links(below) !== null) return depth > DEEPEST ? [] : [below, ...readAll(file, below, depth + 1)];
    const dataset = file.dataset(below)!;
    return [`${below} [${dataset.shape.join()}] ${Array.from(dataset.values).join()}`];
  });
}

function readTheirs(entry: Entry, path = ''): string[] {
  return entry.keys!.flatMap((name) => {
    const below = `${path}/${name}`;
    const child = entry.get(name);
    if (child.shape === undefined) return [below, ...readTheirs(child, below)];
    return [`${below} [${child.shape.join()}] ${Array.from(child.value!).join()}`];
  });
}

function theirs(bytes: Uint8Array): Entry {
  return new File(new Uint8Array(bytes).buffer);
}

describe('HDF5', () => {
  it('should read every group and dataset as jsfive does', () => {
    expect(files.length).toBeGreaterThan(100);
    for (const { bytes } of files) {
      const found = readAll(new Hdf5File(bytes, DEFAULT_MODEL_LIMITS));
      expect(found.sort()).toEqual(readTheirs(theirs(bytes)).sort());
      expect(found.length).toBeGreaterThan(0);
    }
  });

  it('should read attributes as jsfive does', () => {
    const { bytes } = files.find(({ name }) => name.endsWith('(.h5)'))!;
    const file = new Hdf5File(bytes, DEFAULT_MODEL_LIMITS);
    const text = file.text('/', 'model_config');
    expect(text).toBe(theirs(bytes).attrs['model_config']);
    expect(JSON.parse(text as string)).toHaveProperty('class_name', 'Sequential');
    expect(file.text('/model_weights', 'layer_names')).toEqual(
      theirs(bytes).get('model_weights').attrs['layer_names'],
    );
    expect(file.text('/', 'absent')).toBeNull();
  });
});

describe('HDF5 of other writers', () => {
  it.each(hdf5Vectors().map((c) => [c.name, c] as const))(
    'should read %s',
    (_, { bytes, datasets, texts }) => {
      const file = new Hdf5File(bytes, DEFAULT_MODEL_LIMITS);
      for (const [path, [shape, values]] of Object.entries(datasets)) {
        const found = file.dataset(path);
        expect([path, found?.shape, [...(found?.values ?? [])]]).toEqual([path, shape, values]);
      }
      for (const [path, attributes] of Object.entries(texts)) {
        for (const [name, text] of Object.entries(attributes)) expect(file.text(path, name)).toEqual(text);
      }
    },
  );
});

function refusal(bytes: Uint8Array, limits: Partial<ModelLimits>): string {
  try {
    const file = new Hdf5File(bytes, { ...DEFAULT_MODEL_LIMITS, ...limits });
    file.text('/', 'model_config');
    readAll(file);
    return 'ok';
  } catch (error) {
    if (isFleetError(error)) return error.code;
    throw error;
  }
}

describe('limits on HDF5 files', () => {
  const { bytes } = files.find(({ name }) => name === 'Conv2D (.h5)')!;
  /** The least limit that the file passes under. */
  const least = (name: keyof ModelLimits): number => {
    let [low, high] = [0, 1 << 20];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (refusal(bytes, { [name]: middle }) === 'ok') high = middle;
      else low = middle;
    }
    return high;
  };

  it.each(['fileBytes', 'tables', 'nameBytes', 'rank', 'tensorBytes', 'jsonBytes'] as const)(
    'should hold %s at the limit, and not one less',
    (name) => {
      const limit = least(name);
      expect(limit).toBeGreaterThan(1);
      expect(limit).toBeLessThan(1 << 18);
      expect(refusal(bytes, { [name]: limit })).toBe('ok');
      expect(refusal(bytes, { [name]: limit - 1 })).toBe('compiler.limit-exceeded');
    },
  );
});

describe('a hostile HDF5 file', () => {
  it.each(['Conv2D (.h5)', 'Dense relu (.keras)', 'More than eight layers (.keras)'])(
    'should give a registered error or data, never a crash or a hang (%s)',
    (wanted) => {
      const { bytes } = files.find(({ name }) => name === wanted)!;
      const seen = new Map<string, number>();
      for (let seed = 1; seed <= 1500; seed++) {
        const started = performance.now();
        const code = refusal(mutate(bytes, seed), {});
        expect(performance.now() - started).toBeLessThan(1000);
        seen.set(code, (seen.get(code) ?? 0) + 1);
      }
      expect(seen.get('ok')).toBeGreaterThan(0);
      expect(seen.get('compiler.model-damaged')).toBeGreaterThan(0);
    },
  );

  it('should refuse every truncation of its structures', () => {
    const { bytes } = files.find(({ name }) => name === 'Dense relu (.keras)')!;
    for (let length = 0; length < bytes.length - 512; length += 61)
      expect(refusal(bytes.subarray(0, length), {})).not.toBe('ok');
  });
});
