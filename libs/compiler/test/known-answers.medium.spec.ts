// Models of the shared data on the samples that came with them: raw sound or pixels in, the documented class out.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { describeWith, findTool } from '@tinyfleet/testing';
import { compile, type CompileOptions } from '../src/index.js';

const shared = findTool('shared-data') ?? '';
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

async function load(model: string, options: Partial<CompileOptions> = {}): Promise<LoadedBundle> {
  const source = { bytes: readFileSync(join(shared, model)), fileName: model };
  const { bundle } = await compile(source, { deviceType, ...options });
  return (await Runtime.open()).load(bundle);
}

/** 16-bit samples of a mono PCM file. */
function wav(path: string): Int16Array {
  const bytes = readFileSync(path);
  let at = 12;
  while (bytes.toString('latin1', at, at + 4) !== 'data') at += 8 + bytes.readUInt32LE(at + 4);
  const length = Math.min(bytes.readUInt32LE(at + 4), bytes.length - at - 8) & ~1;
  return new Int16Array(Uint8Array.from(bytes.subarray(at + 8, at + 8 + length)).buffer);
}

const largest = (output: Uint8Array): number => {
  const values = [...new Int8Array(output.buffer, output.byteOffset, output.length)];
  return values.indexOf(Math.max(...values));
};

const int8s = (bytes: Uint8Array): number[] => [...new Int8Array(Uint8Array.from(bytes).buffer)];

describeWith(['shared-data'], 'micro_speech with its front end', () => {
  const folder = join(shared, 'audio_speech_commands_samples');
  const CLASSES = ['silence', 'unknown', 'yes', 'no'];
  // Classes as in the example's own test, outputs as its two models give them in TFLM's interpreter.
  const KNOWN = {
    silence: ['silence', [-42, -68, -68, -78]],
    noise: ['silence', [120, -125, -126, -125]],
    yes: ['yes', [-128, -128, 127, -128]],
    no: ['no', [-128, -114, -128, 114]],
  } as const;

  it.each(['models/tflm_micro_speech_int8.tflite', 'mlperf_tiny/micro_speech_quantized.tflite'])(
    'should hear with %s what was said, in the very numbers of the reference',
    async (model) => {
      const loaded = await load(model, { frontEnd: { kind: 'micro-speech' }, labels: CLASSES });
      for (const [sample, [said, output]] of Object.entries(KNOWN)) {
        loaded.resetState();
        const results = loaded.runRaw(wav(join(folder, `tflm_${sample}_1000ms.wav`)));
        expect(results).toHaveLength(1);
        expect(int8s(results[0]![0]!)).toEqual(output);
        expect(CLASSES[largest(results[0]![0]!)]).toBe(said);
      }
    },
  );

  it('should hear yes and no in recordings of Speech Commands', async () => {
    const loaded = await load('models/tflm_micro_speech_int8.tflite', {
      frontEnd: { kind: 'micro-speech' },
      labels: CLASSES,
    });
    const files = readdirSync(folder).filter((file) => /^gsc_(yes|no)_/.test(file));
    expect(files.length).toBe(6);
    for (const file of files) {
      loaded.resetState();
      const results = loaded.runRaw(wav(join(folder, file)));
      expect([file, CLASSES[largest(results.at(-1)![0]!)]]).toEqual([file, file.split('_')[1]]);
    }
  });
});

describeWith(['shared-data'], 'image models', () => {
  const folder = join(shared, 'images_person_known_answers');

  /** Grey pixels top row first; the file has the bottom row first. */
  function bmp(name: string): Uint8Array {
    const bytes = readFileSync(join(folder, name));
    const [from, width, height] = [bytes.readUInt32LE(10), bytes.readInt32LE(18), bytes.readInt32LE(22)];
    const rows = Array.from({ length: height }, (_, y) =>
      bytes.subarray(from + (height - 1 - y) * width, from + (height - y) * width),
    );
    return Uint8Array.from(Buffer.concat(rows));
  }

  it('should see the person of person_detect, its bytes taken for int8 as the example does', async () => {
    const loaded = await load('models/tflm_person_detect_int8.tflite', { labels: ['no person', 'person'] });
    expect(int8s(loaded.run([bmp('tflm_person.bmp')])[0]!)).toEqual([-113, 113]);
    expect(int8s(loaded.run([bmp('tflm_no_person.bmp')])[0]!)).toEqual([57, -57]);
  });

  const pixels = (name: string): Uint8Array => {
    const text = readFileSync(join(folder, name), 'utf8');
    return Uint8Array.from(text.slice(text.indexOf('{') + 1).match(/\d+/g)!, Number);
  };

  it.each(['mlperf_tiny/vww_96_int8.tflite', 'models/stm_mobilenet_v1_0.25_96_int8.tflite'])(
    'should see persons with %s',
    async (model) => {
      const loaded = await load(model, { labels: ['no person', 'person'] });
      for (const kind of ['person', 'noperson'])
        for (const k of [1, 2, 3]) {
          // real = pixel / 255, as the input's scale and zero point say.
          const [output] = loaded.run([pixels(`tinymaix_vww_pic_${kind}${k}.h`).map((byte) => byte ^ 0x80)]);
          expect([kind, k, largest(output!)]).toEqual([kind, k, kind === 'person' ? 1 : 0]);
        }
    },
  );
});
