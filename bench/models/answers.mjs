// Known answers: example images and sounds whose class their publishers state, through the kernels that devices run.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { compile } from '@tinyfleet/compiler';
import { isFleetError } from '@tinyfleet/errors';
import { Runtime } from '@tinyfleet/runtime';
import { bar, table } from '../report.mjs';
import { readSource, ROOMY } from './sources.mjs';

export async function measureAnswers(data) {
  const images = join(data, 'images_person_known_answers');
  const runtime = await Runtime.open();
  const rows = [];
  let right = 0;
  const check = async (model, cases) => {
    let loaded;
    try {
      const { bundle } = await compile(readSource(join(data, model)), { deviceType: ROOMY });
      loaded = runtime.load(bundle);
    } catch (error) {
      if (!isFleetError(error)) throw error;
      for (const { file, expected } of cases) rows.push([file, model, expected, `refused: ${error.code}`]);
      return;
    }
    for (const { file, expected, pixels, quantize } of cases) {
      const [input] = loaded.view.inputs;
      const [output] = loaded.run([quantize(pixels, input)]);
      const scores = new Int8Array(output.buffer, output.byteOffset, output.length);
      const said = scores.indexOf(Math.max(...scores));
      if (said === expected) right++;
      rows.push([file, model, expected, said]);
    }
  };

  const bmp = (file, expected) => ({
    file,
    expected,
    pixels: bmpPixels(readFileSync(join(images, file))),
    // The reference example hands the raw bytes to the int8 input as they are.
    quantize: (bytes) => bytes,
  });
  await check('models/tflm_person_detect_int8.tflite', [
    bmp('tflm_no_person.bmp', 0),
    bmp('tflm_person.bmp', 1),
  ]);
  const headers = (prefix, classOf) =>
    readdirSync(images)
      .filter((file) => file.startsWith(prefix) && file.endsWith('.h'))
      .map((file) => ({
        file,
        expected: classOf(file),
        pixels: headerPixels(readFileSync(join(images, file), 'latin1')),
        quantize: unitRange,
      }));
  await check(
    'mlperf_tiny/vww_96_int8.tflite',
    headers('tinymaix_vww_pic_', (file) => (file.includes('noperson') ? 0 : 1)),
  );
  await check(
    'models/tinymaix_cifar10.h5',
    headers('tinymaix_cifar10_pic', (file) => Number(/pic(\d+)/.exec(file)[1])),
  );
  table(['image', 'model', 'stated class', 'said'], rows);
  stdout.write('\n');
  const heard = await measureSpeech(data, runtime);
  return [
    heard,
    bar({
      id: 'models.answers.images',
      value: right / rows.length,
      bar: 1,
      better: 'higher',
      unit: 'of the images get the class in their name',
    }),
  ];
}

const WORDS = ['silence', 'unknown', 'yes', 'no'];
/** The example's own samples and recordings of the same words: raw sound through the bundle's front end. */
async function measureSpeech(data, runtime) {
  const folder = join(data, 'audio_speech_commands_samples');
  const { bundle } = await compile(readSource(join(data, 'models/tflm_micro_speech_int8.tflite')), {
    deviceType: ROOMY,
    frontEnd: { kind: 'micro-speech' },
    labels: WORDS,
  });
  const loaded = runtime.load(bundle);
  const rows = readdirSync(folder)
    .map((file) => ({ file, word: /^(?:tflm|gsc)_(yes|no|silence)_(?!30ms)/.exec(file)?.[1] }))
    .filter(({ word }) => word !== undefined)
    .map(({ file, word }) => {
      loaded.resetState();
      const [output] = loaded.runRaw(pcm(readFileSync(join(folder, file)))).at(-1);
      const scores = new Int8Array(output.buffer, output.byteOffset, output.length);
      return [file, word, WORDS[scores.indexOf(Math.max(...scores))]];
    });
  table(['sound', 'stated', 'heard'], rows);
  const right = rows.filter(([, stated, said]) => stated === said).length;
  const unit = 'of the words, signal front end included';
  return bar({ id: 'models.answers.speech', value: right / rows.length, bar: 1, better: 'higher', unit });
}

/** 16-bit samples of a mono PCM file. */
function pcm(file) {
  let at = 12;
  while (file.toString('latin1', at, at + 4) !== 'data') at += 8 + file.readUInt32LE(at + 4);
  const length = Math.min(file.readUInt32LE(at + 4), file.length - at - 8) & ~1;
  return new Int16Array(Uint8Array.from(file.subarray(at + 8, at + 8 + length)).buffer);
}

/** 8-bit grey or palette BMP, rows bottom-up in the file. @returns {Uint8Array} rows top-down */
function bmpPixels(file) {
  const start = file.readUInt32LE(10);
  const [width, height] = [file.readInt32LE(18), file.readInt32LE(22)];
  const stride = (width + 3) & ~3;
  const pixels = new Uint8Array(width * Math.abs(height));
  for (let y = 0; y < Math.abs(height); y++) {
    const row = height > 0 ? height - 1 - y : y;
    pixels.set(file.subarray(start + row * stride, start + row * stride + width), y * width);
  }
  return pixels;
}

/** The numbers between the braces of a C array. */
function headerPixels(text) {
  return Uint8Array.from(text.slice(text.indexOf('{') + 1).match(/\d+/g) ?? [], Number);
}

/** Pixels 0..255 stand for reals 0..1, in the model's own quantization. */
function unitRange(pixels, input) {
  const quantized = new Int8Array(pixels.length);
  pixels.forEach((pixel, i) => {
    const q = Math.floor(pixel / 255 / input.scale + 0.5) + input.zeroPoint;
    quantized[i] = Math.min(127, Math.max(-128, q));
  });
  return new Uint8Array(quantized.buffer);
}
