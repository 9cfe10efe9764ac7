// Options as they come over the API: what no device could be told is refused in words, before any work.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { compile } from './compile.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

/** Of options with no model behind them: what is fine gets as far as reading the file. */
async function codeOf(options: object): Promise<string> {
  const error: unknown = await compile(
    { bytes: new Uint8Array(64), fileName: 'x' },
    {
      deviceType,
      ...options,
    },
  ).catch((e: unknown) => e);
  return isFleetError(error) ? error.code : String(error);
}

describe('options of a build', () => {
  it.each([
    [{ goldenVectors: 0 }, 'compiler.options-invalid'],
    [{ goldenVectors: -5 }, 'compiler.options-invalid'],
    [{ goldenVectors: 17 }, 'compiler.options-invalid'],
    [{ goldenVectors: 'four' }, 'compiler.options-invalid'],
    [{ confidenceBins: 1e9 }, 'compiler.options-invalid'],
    [{ optimize: 'no' }, 'compiler.options-invalid'],
    [{ state: 'keep' }, 'compiler.options-invalid'],
    [{ sensor: 'microphone' }, 'compiler.sensor-invalid'],
    [{ sensor: { axes: 1.5 } }, 'compiler.sensor-invalid'],
    [{ sensor: { axes: '2' } }, 'compiler.sensor-invalid'],
    [{ sensor: { sensor: -1 } }, 'compiler.sensor-invalid'],
    [{ sensor: { frame: 2 ** 32 } }, 'compiler.sensor-invalid'],
    [{ sensor: { rate: 1 } }, 'compiler.sensor-invalid'],
    [{ inputRange: 5 }, 'compiler.calibration-invalid'],
    [{ inputRange: [0, 'one'] }, 'compiler.calibration-invalid'],
    [{ frontEnd: null }, 'compiler.front-end-invalid'],
  ])('should refuse %j', async (options, code) => {
    expect(await codeOf(options)).toBe(code);
  });

  it('should pass what is in range on to the model', async () => {
    const sensor = { sensor: 1, axes: 3, frame: 2 ** 32 - 1 };
    const options = {
      goldenVectors: 16,
      confidenceBins: 16,
      optimize: false,
      state: 'reset',
      inputRange: [0, 255],
    };
    expect(await codeOf({ ...options, sensor })).toBe('compiler.not-a-model');
    expect(await codeOf({})).toBe('compiler.not-a-model');
  });
});
