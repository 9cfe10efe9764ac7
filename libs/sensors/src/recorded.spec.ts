// Readers of recorded data, and the frames cut from it.
import { describe, expect, it } from '@jest/globals';
import { formatOf, readRecording, RecordedSensor } from './recorded.js';

const text = (value: string) => new TextEncoder().encode(value);

function npy(header: string, body: number[]): Uint8Array {
  const bytes = text(header);
  return Uint8Array.from([
    0x93,
    ...text('NUMPY'),
    1,
    0,
    bytes.length & 255,
    bytes.length >> 8,
    ...bytes,
    ...body,
  ]);
}

function wav(bits: number, channels: number, body: number[], encoding = 1): Uint8Array {
  const le = (value: number, n: number) => Array.from({ length: n }, (_, i) => (value >> (8 * i)) & 255);
  const fmt = [
    ...le(encoding, 2),
    ...le(channels, 2),
    ...le(8_000, 4),
    ...le(0, 4),
    ...le(0, 2),
    ...le(bits, 2),
  ];
  const list = [...text('LIST'), ...le(3, 4), 1, 2, 3, 0];
  const chunks = [
    ...text('WAVE'),
    ...text('fmt '),
    ...le(16, 4),
    ...fmt,
    ...list,
    ...text('data'),
    ...le(body.length, 4),
    ...body,
  ];
  return Uint8Array.from([...text('RIFF'), ...le(chunks.length, 4), ...chunks]);
}

describe('readRecording', () => {
  it('should read raw int8 and little-endian int16', () => {
    expect([...readRecording('a.bin', Uint8Array.of(0xff, 0x7f), 'int8').values]).toEqual([-1, 127]);
    expect([...readRecording('a.i16', Uint8Array.of(0x00, 0x80, 0x02, 0x01), 'int16').values]).toEqual([
      -32_768, 258,
    ]);
  });

  it('should read CSV with header, comments and empty lines', () => {
    const recording = readRecording('a.csv', text('x,y,z\n# note\n1,2,3\n\n4,5,-6.5\n'), 'csv');
    expect([...recording.values]).toEqual([1, 2, 3, 4, 5, -6.5]);
    expect(recording.rowValues).toBe(3);
  });

  it('should read NPY of int8, int16 and float32 in C order', () => {
    const int8 = readRecording(
      'a.npy',
      npy("{'descr': '|i1', 'fortran_order': False, 'shape': (2, 2), }\n", [1, 255, 3, 4]),
      'npy',
    );
    expect([...int8.values]).toEqual([1, -1, 3, 4]);
    expect(int8.rowValues).toBe(2);
    const f4 = readRecording(
      'a.npy',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", [0, 0, 0xc0, 0x3f]),
      'npy',
    );
    expect([...f4.values]).toEqual([1.5]);
  });

  it('should read WAV of 8 and 16 bits and skip other chunks', () => {
    expect([...readRecording('a.wav', wav(16, 2, [1, 0, 0, 0x80]), 'wav').values]).toEqual([1, -32_768]);
    expect([...readRecording('a.wav', wav(8, 1, [0, 128, 255, 0]), 'wav').values]).toEqual([
      -128, 0, 127, -128,
    ]);
  });

  it.each([
    ['csv', text('1,2\n3,x\n'), 'line 2, column 2'],
    ['csv', text('1,2\n3\n'), 'line 2 has 1 columns'],
    ['csv', text(''), 'no rows'],
    ['npy', text('not numpy at all'), 'NUMPY'],
    ['npy', npy("{'descr': '|i1', 'fortran_order': True, 'shape': (1,), }", [1]), 'Fortran'],
    ['npy', npy("{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }", [1]), "'>f8'"],
    ['npy', npy("{'descr': '<i2', 'fortran_order': False, 'shape': (9,), }", [1]), 'needs 18 bytes'],
    ['int16', Uint8Array.of(1), 'whole 16-bit'],
    ['wav', text('RIFFxxxxWAVE'), 'no data chunk'],
    ['wav', wav(16, 1, [0, 0], 3), 'not PCM'],
  ] as const)('should refuse a broken %s and say what is wrong', (format, bytes, problem) => {
    expect(() => readRecording('bad', bytes as Uint8Array, format)).toThrow(
      expect.objectContaining({
        code: 'simulator.recording-invalid',
        message: expect.stringContaining(problem),
      }),
    );
  });

  it('should survive every truncation of a WAV and an NPY', () => {
    for (const [format, whole] of [
      ['wav', wav(16, 1, [1, 2, 3, 4])],
      ['npy', npy("{'descr': '|i1', 'fortran_order': False, 'shape': (4,), }", [1, 2, 3, 4])],
    ] as const) {
      for (let n = 0; n < whole.length; n++) {
        try {
          readRecording('cut', whole.subarray(0, n), format);
        } catch (error) {
          expect(error).toMatchObject({ code: 'simulator.recording-invalid' });
        }
      }
    }
  });
});

describe('RecordedSensor', () => {
  const recording = { file: 'a', values: Int8Array.of(1, 2, 3, 4, 5, 6, 7), rowValues: 1 };

  it('should cut whole frames, loop, and name the truth of each', () => {
    const sensor = new RecordedSensor(recording, { labels: ['up', 'down'], frameMs: 10 });
    const frame = new Int8Array(3);
    expect([sensor.read(0, frame), ...frame]).toEqual(['up', 1, 2, 3]);
    expect([sensor.read(10, frame), ...frame]).toEqual(['down', 4, 5, 6]);
    expect([sensor.read(20, frame), ...frame]).toEqual(['up', 1, 2, 3]);
  });

  it('should scale and saturate', () => {
    const sensor = new RecordedSensor(
      { file: 'a', values: Float32Array.of(0.5, -9, 9), rowValues: 1 },
      { gain: 100, offset: 1 },
    );
    const frame = new Int8Array(3);
    sensor.read(0, frame);
    expect([...frame]).toEqual([51, -128, 127]);
  });

  it('should be over when it is played once, from when it is first read', () => {
    const sensor = new RecordedSensor(recording, { once: true, frameMs: 10 });
    const frame = new Int8Array(3);
    expect(sensor.isOver(1_000, 3)).toBe(false);
    sensor.read(1_000, frame);
    expect([...frame]).toEqual([1, 2, 3]);
    expect(sensor.isOver(1_019, 3)).toBe(false);
    sensor.read(1_019, frame);
    expect([...frame]).toEqual([4, 5, 6]);
    expect(sensor.isOver(1_020, 3)).toBe(true);
  });

  it('should be mounted otherwise, and hang for a while now and then', () => {
    const rows = { file: 'a', values: Int8Array.from({ length: 40 }, (_, i) => i), rowValues: 2 };
    const frame = new Int8Array(4);
    new RecordedSensor(rows, { axes: [-2, 1], frameMs: 10 }).read(10, frame);
    expect([...frame]).toEqual([-5, 4, -7, 6]);
    // Two rows take 10 ms: three rows of every ten are one.
    const stuck = new RecordedSensor(rows, { stuck: { share: 0.3, forMs: 15 }, frameMs: 10 });
    const first = Array.from({ length: 10 }, (_, i) => {
      stuck.read(i * 10, frame);
      return [frame[0], frame[2]];
    }).flat();
    expect(first).toEqual([0, 0, 0, 6, 8, 10, 12, 14, 16, 18, 20, 20, 20, 26, 28, 30, 32, 34, 36, 38]);
  });

  it('should refuse a frame longer than the recording', () => {
    expect(() => new RecordedSensor(recording).read(0, new Int8Array(8))).toThrow(
      expect.objectContaining({ code: 'simulator.recording-too-short' }),
    );
  });
});

describe('formatOf', () => {
  it('should know the endings of the readers', () => {
    expect(['a.npy', 'b.WAV', 'c.csv', 'd.bin', 'e.i16', 'f.txt'].map(formatOf)).toEqual([
      'npy',
      'wav',
      'csv',
      'int8',
      'int16',
      null,
    ]);
  });
});
