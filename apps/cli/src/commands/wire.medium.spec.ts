/** Everything that the protocol carries, from bytes to JSON and back, as people type it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { messageNames, signManifest, vendorId, classId } from '@tinyfleet/wire';
import { run } from '../program.js';
import { workspaceRoot } from '../paths.js';

const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-wire-'));
/** The messages that firmware and platform are held to. */
const { messages: golden } = JSON.parse(
  readFileSync(join(workspaceRoot, 'firmware-stubs/vectors/wire.json'), 'utf8'),
) as { messages: { message: string; hex: string }[] };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What it prints; what it says when it fails. */
async function wire(...args: string[]): Promise<{ code: number; out: Buffer; err: string }> {
  const out: Buffer[] = [];
  let err = '';
  const stdout = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out.push(Buffer.from(chunk));
    return true;
  });
  const stderr = jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    err += String(chunk);
    return true;
  });
  try {
    return { code: await run(['wire', ...args]), out: Buffer.concat(out), err };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const text = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await wire(...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out.toString('utf8').trim();
};

describe('tinyfleet wire', () => {
  it('should have a golden message of every kind below', () => {
    expect(new Set(golden.map(({ message }) => message))).toEqual(new Set(messageNames));
  });

  it.each(messageNames)('should give a %s back, from hexadecimal, base64 and files', async (name) => {
    for (const { hex } of golden.filter(({ message }) => message === name)) {
      const bytes = Buffer.from(hex, 'hex');
      const json = await text('decode', name, bytes.toString('hex'));
      expect(await text('decode', name, '--file', file('payload.bin', bytes))).toBe(json);
      expect(await text('decode', name, '--base64', bytes.toString('base64'))).toBe(json);
      const from = file('message.json', json);
      expect(await text('encode', name, from)).toBe(bytes.toString('hex'));
      expect(await text('encode', name, from, '--base64')).toBe(bytes.toString('base64'));
      expect((await wire('encode', name, from, '--raw')).out.equals(bytes)).toBe(true);
    }
  });

  it('should give telemetry as JSON back, as it is on the wire', async () => {
    const { hex } = golden.find(({ message }) => message === 'telemetry')!;
    const json = await text('decode', 'telemetry', hex);
    const sent = await text('encode', 'telemetry.json', file('t.json', json));
    expect(JSON.parse(sent)).toHaveProperty('bootId');
    expect(await text('decode', 'telemetry.json', '--file', file('sent.json', sent))).toBe(json);
  });

  it('should give a manifest back with its signature, and sign another', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const content = {
      component: 'model',
      sequence: 2,
      vendorId: vendorId('demo'),
      classId: classId('wasm'),
      digest: new Uint8Array(32),
      size: 1,
      conditions: { abi: 65_536, opSet: Uint8Array.of(1), arenaBytes: 1, stateBytes: 0, floor: 0 },
    } as const;
    const signed = Buffer.from(signManifest(content, privateKey));
    const json = await text('decode', 'manifest', signed.toString('hex'));
    expect(JSON.parse(json)).toMatchObject({ component: 'model', sequence: 2, algorithm: 'ed25519' });
    expect(await text('encode', 'manifest', file('m.json', json))).toBe(signed.toString('hex'));
    const pem = file('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const next = file('n.json', JSON.stringify({ ...(JSON.parse(json) as object), sequence: 4 }));
    expect(await text('encode', 'manifest', next, '--key', pem)).toBe(
      Buffer.from(signManifest({ ...content, sequence: 4 }, privateKey)).toString('hex'),
    );
  });

  it('should tell the header of a bundle', async () => {
    const bundle = join(workspaceRoot, 'firmware-stubs/abi/1.0/vibration.bundle');
    const told = JSON.parse(await text('decode', 'bundle', '--file', bundle)) as Record<string, unknown>;
    expect(told).toMatchObject({ abi: { major: 1, minor: 0 }, totalBytes: readFileSync(bundle).length });
    expect(told['digest']).toMatch(/^[0-9a-f]{64}$/);
    expect(told['ops']).toContain('FULLY_CONNECTED');
  });

  it.each([
    [['decode', 'hello', 'a1'], 'wire.'],
    [['decode', 'manifest', '00'], 'manifest.'],
    [['decode', 'bundle', '00'], 'bundle.'],
    [['decode', 'nonsense', '00'], 'cli.usage'],
    [['decode', 'ask', '--base64', '%%'], 'cli.usage'],
    [['decode', 'ask', '00', '--file', 'x'], 'cli.usage'],
    [['decode', 'ask', '--file', '/nowhere/at/all'], 'cli.file-not-found'],
    [['encode', 'bundle', 'package.json'], 'cli.usage'],
    [['encode', 'ask', 'README.md'], 'wire.json-invalid'],
    [['encode', 'ask', 'package.json', '--raw', '--base64'], 'cli.usage'],
    [['encode', 'ask', 'package.json', '--key', 'x'], 'cli.usage'],
    [['encode', 'manifest', 'package.json', '--key', 'README.md'], 'manifest.'],
  ])('should refuse %j with %s', async (args, code) => {
    const at = args.map((arg) => (/^(package\.json|README\.md)$/.test(arg) ? join(workspaceRoot, arg) : arg));
    const { code: exit, err } = await wire(...at);
    expect(exit).toBeGreaterThan(0);
    expect(err).toContain(code);
  });
});
