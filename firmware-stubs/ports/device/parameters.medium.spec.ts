// The firmware's reader of the parameter block against the writer of libs/wire: what one writes the other reads, and nothing
// that a flash sector may hold does more than give an error.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '@tinyfleet/testing';
import { classId, crc32, encodeParameterBlock, vendorId, type DeviceParameters } from '@tinyfleet/wire';

const firmware = fileURLToPath(new URL('../..', import.meta.url));
const HEAD_BYTES = 16;
const MISSING = 'error 721';
const INVALID = 'error 722';

const parameters: DeviceParameters = {
  project: 'demo',
  device: 'pump-1',
  deviceType: 'posix',
  vendorId: vendorId('demo'),
  classId: classId('posix'),
  token: 't'.repeat(43),
  brokerHost: 'broker.example',
  brokerPort: 8883,
  tls: true,
  authority: 'a'.repeat(700),
  certificate: 'c'.repeat(700),
  privateKey: 'k'.repeat(300),
  key: { algorithm: 'ed25519', key: new Uint8Array(32).fill(7) },
  nextKey: { algorithm: 'p256', key: new Uint8Array(65).fill(4) },
  deviceKey: new Uint8Array(32).fill(9),
  flash: { bytes: 1 << 20, sectorBytes: 4_096, unitBytes: 4, erased: 255, slotBytes: 1 << 18, slots: 2 },
  arenaBytes: 65_536,
  stateBytes: 4_096,
  sensors: [
    { sensor: 'accelerometer', axes: 3, unit: 'g', fullScale: 16_000, sampleRateMhz: 800_000 },
    { sensor: 'microphone', axes: 1, unit: 'pcm', fullScale: 0, sampleRateMhz: 16_000_000 },
  ],
  inferencePeriodMs: 50,
  windowS: 60,
  pickEvery: 50,
  dutyCycleS: 900,
  seed: 1,
};

/** The same bytes under a checksum that holds, so that what is behind it is looked at. */
function sealed(block: Uint8Array): Buffer {
  const copy = Buffer.from(block);
  copy.writeUInt32LE(copy.length - HEAD_BYTES, 8);
  copy.writeUInt32LE(crc32(Buffer.concat([copy.subarray(0, 12), copy.subarray(HEAD_BYTES)])), 12);
  return copy;
}

describeWith(['gcc'], 'reader of the parameter block, under ASan and UBSan', () => {
  let folder = '';
  let program = '';
  const answers = (blocks: readonly Uint8Array[]): string[] => {
    const input = blocks.map((block) => `${Buffer.from(block).toString('hex')}\n`).join('');
    const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 24 });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.trim().split('\n');
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-parameters-'));
    program = join(folder, 'answer');
    const sources = [
      'ports/device/test/answer.c',
      'ports/device/fleet_parameters.c',
      'agent/src/cbor.c',
      'runtime/src/integer.c',
    ];
    const flags = ['-std=c99', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const includes = ['-Iruntime/include', '-Iruntime/src', '-Iagent/include', '-Iports/device'];
    const link = ['-o', program];
    const built = spawnSync('gcc', [...flags, ...includes, ...sources, ...link], {
      cwd: firmware,
      encoding: 'utf8',
    });
    expect(built.stderr).toBe('');
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('should read what the writer wrote, with and without what is optional', () => {
    const {
      project,
      device,
      deviceType,
      vendorId: vendor,
      classId: model,
      flash,
      arenaBytes,
      stateBytes,
    } = parameters;
    const least: DeviceParameters = {
      ...{ project, device, deviceType, vendorId: vendor, classId: model, flash, arenaBytes, stateBytes },
      ...{ brokerHost: '10.0.0.1', brokerPort: 1 },
    };
    const sector = new Uint8Array(8_192).fill(0xff);
    sector.set(encodeParameterBlock(parameters));
    expect(answers([encodeParameterBlock(parameters), sector, encodeParameterBlock(least)])).toEqual([
      'ok demo pump-1 broker.example 8883 2',
      'ok demo pump-1 broker.example 8883 2',
      'ok demo pump-1 10.0.0.1 1 0',
    ]);
  });

  it('should tell nothing from something damaged', () => {
    const block = encodeParameterBlock(parameters);
    const flipped = [0, 4, 8, 12, HEAD_BYTES, block.length - 1].map((at) => {
      const copy = block.slice();
      copy[at]! ^= 0x10;
      return copy;
    });
    const missing = [new Uint8Array(), new Uint8Array(64), new Uint8Array(64).fill(255), block.slice(0, 15)];
    expect(answers([...missing, ...flipped, block.slice(0, -1)])).toEqual([
      ...missing.map(() => MISSING),
      ...flipped.map(() => INVALID),
      INVALID,
    ]);
  });

  it('should refuse a certificate without its key, and either without TLS', () => {
    const { certificate: _c, ...keyOnly } = parameters;
    const { privateKey: _k, ...certificateOnly } = parameters;
    const { tls: _t, ...plain } = parameters;
    expect(answers([keyOnly, certificateOnly, plain].map(encodeParameterBlock))).toEqual([
      INVALID,
      INVALID,
      INVALID,
    ]);
  });

  it('should survive every byte changed and every length, under a checksum that holds', () => {
    const block = encodeParameterBlock({ ...parameters, authority: 'a', certificate: 'c', privateKey: 'k' });
    const changed = Array.from({ length: block.length - HEAD_BYTES }, (_, i) =>
      [0x00, 0x01, 0x7f, 0x80, 0xff].map((bits) => {
        const copy = block.slice();
        copy[HEAD_BYTES + i]! ^= bits;
        return sealed(copy);
      }),
    ).flat();
    const cut = Array.from({ length: block.length - HEAD_BYTES }, (_, i) =>
      sealed(block.slice(0, HEAD_BYTES + i)),
    );
    const given = answers([...changed, ...cut]);
    expect(given.every((line) => line === INVALID || line.startsWith('ok '))).toBe(true);
    expect(given.slice(changed.length).every((line) => line === INVALID)).toBe(true);
  });
});
