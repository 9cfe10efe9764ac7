/**
 * Golden vectors, shared with the C tests: firmware-stubs/vectors/{wire,manifest,mac-manifest,ask,payload}.json are what this file's
 * cases encode to, byte for byte. TINYFLEET_UPDATE_VECTORS=1 rewrites them (then run npm run generate).
 */
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isFleetError, type ErrorCode } from '@tinyfleet/errors';
import {
  decode,
  deviceKey,
  encode,
  macManifest,
  macSignedManifest,
  messageNames,
  parseManifest,
  rawPublicKey,
  signManifest,
  verifyAsk,
  verifyMacManifest,
  verifyManifest,
} from './index.js';
import type { Messages } from './index.js';
import { askCases, askClientId, askNegatives, askToken } from '../test/ask-cases.js';
import { manifestCases, manifestNegatives, testSeed } from '../test/manifest-cases.js';
import {
  macDeviceType,
  macManifestCases,
  macManifestNegatives,
  macSecret,
  macToken,
} from '../test/mac-manifest-cases.js';
import { payloadCases } from '../test/payload-cases.js';
import { wireCases, wireNegatives } from '../test/wire-cases.js';

const folder = new URL('../../../firmware-stubs/vectors/', import.meta.url);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const json = (value: unknown) =>
  JSON.stringify(
    value,
    (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v instanceof Uint8Array ? hex(v) : v),
    2,
  ) + '\n';

function golden(name: string, value: unknown): unknown {
  const url = new URL(name, folder);
  if (process.env.TINYFLEET_UPDATE_VECTORS === '1') writeFileSync(url, json(value));
  return JSON.parse(readFileSync(url, 'utf8'));
}

/** PKCS #8 header of an Ed25519 private key. */
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(testSeed, 'hex')]),
  format: 'der',
  type: 'pkcs8',
});

function codeOf(run: () => unknown): ErrorCode | 'none' {
  try {
    run();
  } catch (error) {
    if (isFleetError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('wire vectors', () => {
  const made = {
    about:
      'Golden messages of docs/spec/wire.cddl. Byte strings are hexadecimal, 64-bit boot ids decimal text.',
    messages: wireCases.map(({ name, message, value }) => ({
      name,
      message,
      value,
      hex: hex(encode(message, value as never)),
    })),
    negatives: wireNegatives,
  };

  it('should be what the codec encodes', () => {
    expect(golden('wire.json', made)).toEqual(JSON.parse(json(made)));
  });

  it('should decode to what was encoded', () => {
    for (const { name, message, value } of wireCases) {
      const back = decode(message, bytes(made.messages.find((m) => m.name === name)?.hex ?? ''));
      expect(back).toEqual(value);
    }
  });

  it('should hold every message with its fewest and with all its fields', () => {
    for (const message of messageNames) {
      expect(wireCases.filter((c) => c.message === message).map((c) => c.name)).toEqual(
        expect.arrayContaining([`${message}-min`, `${message}-max`]),
      );
    }
  });

  for (const { name, message, hex: text, error } of wireNegatives) {
    it(`should refuse ${name} with ${error}`, () => {
      expect(codeOf(() => decode(message as keyof Messages, bytes(text)))).toBe(error);
    });
  }
});

describe('manifest vectors', () => {
  const publicKey = rawPublicKey(privateKey);
  const manifests = manifestCases.map(({ name, project, deviceType, content }) => ({
    name,
    project,
    deviceType,
    content,
    hex: hex(signManifest(content, privateKey)),
  }));
  const full = bytes(manifests.find((m) => m.name === 'full')?.hex ?? '');
  const negatives = manifestNegatives(full).map((n) => ({ ...n, hex: hex(n.bytes), bytes: undefined }));
  const made = {
    about: 'Golden manifests of docs/spec/manifest.cddl, signed with the key of RFC 8032 section 7.1 test 1.',
    seed: testSeed,
    publicKey: hex(publicKey),
    manifests,
    negatives,
  };

  it('should be what the signer makes', () => {
    expect(golden('manifest.json', made)).toEqual(JSON.parse(json(made)));
  });

  it('should verify, fit into 768 bytes and give back their content', () => {
    for (const { name, project, deviceType, content } of manifestCases) {
      const signed = bytes(manifests.find((m) => m.name === name)?.hex ?? '');
      expect(signed.length).toBeLessThanOrEqual(768);
      expect(verifyManifest(signed, { keys: [publicKey], project, deviceType })).toMatchObject(content);
    }
  });

  for (const { name, error, hex: text, project, deviceType } of negatives) {
    it(`should refuse ${name} with ${error}`, () => {
      expect(codeOf(() => verifyManifest(bytes(text), { keys: [publicKey], project, deviceType }))).toBe(
        error,
      );
    });
  }
});

describe('ask vectors', () => {
  const trust = { deviceKey: deviceKey(askToken), signingKey: rawPublicKey(privateKey) };
  const made = {
    about:
      'Authenticated commands of docs/spec/wire.md to one device. It holds the key derived from the token and trusts the key of RFC 8032 section 7.1 test 1. Negatives are refused.',
    clientId: askClientId,
    token: askToken,
    deviceKey: hex(trust.deviceKey),
    signingKey: hex(trust.signingKey),
    asks: askCases.map(({ name, authentication, bytes: b }) => ({ name, authentication, hex: hex(b) })),
    negatives: askNegatives.map(({ name, bytes: b }) => ({ name, error: 'agent.ask-refused', hex: hex(b) })),
  };

  it('should be what the server makes', () => {
    expect(golden('ask.json', made)).toEqual(JSON.parse(json(made)));
  });

  for (const { name, authentication, bytes: ask } of askCases) {
    it(`should take ${name} by its ${authentication} and by nothing else`, () => {
      expect(verifyAsk(ask, askClientId, trust).signature).toBeDefined();
      const other =
        authentication === 'mac' ? { signingKey: trust.signingKey } : { deviceKey: trust.deviceKey };
      expect(codeOf(() => verifyAsk(ask, askClientId, other))).toBe('agent.ask-refused');
    });
  }

  for (const { name, bytes: ask } of askNegatives) {
    // What needs no look into the signature is the device's decision: no signature at all, a MAC on rotate-key.
    if (name === 'no-signature' || name === 'rotate-key-by-mac') continue;
    it(`should refuse ${name}`, () => {
      expect(codeOf(() => verifyAsk(ask, askClientId, trust))).toBe('agent.ask-refused');
    });
  }
});

describe('manifest vectors of the reduced profile', () => {
  const trust = { ...macSecret, deviceType: macDeviceType };
  const manifests = macManifestCases.map(({ name, content }) => ({
    name,
    content,
    hex: hex(macManifest(content, macSecret)),
  }));
  const negatives = macManifestNegatives();
  const made = {
    about:
      'Golden manifests of the reduced profile (docs/spec/manifest.md) for one device, under the key of its token.',
    clientId: macSecret.clientId,
    deviceType: macDeviceType,
    token: macToken,
    deviceKey: hex(macSecret.key),
    manifests,
    negatives: negatives.map(({ name, error, bytes: b }) => ({ name, error, hex: hex(b) })),
  };

  it('should be what the server makes', () => {
    expect(golden('mac-manifest.json', made)).toEqual(JSON.parse(json(made)));
  });

  it('should verify, fit into 288 bytes and give back their content', () => {
    for (const { content, hex: text } of manifests) {
      expect(text.length / 2).toBeLessThanOrEqual(288);
      expect(verifyMacManifest(bytes(text), trust)).toMatchObject(content);
    }
    const largest = manifests.find(({ name }) => name === 'largest')!;
    expect(largest.hex.length / 2).toBe(288);
    const { conditions } = largest.content;
    const longer = { ...conditions, soakS: 65_536 };
    expect(codeOf(() => macManifest({ ...largest.content, conditions: longer }, macSecret))).toBe(
      'manifest.too-large',
    );
  });

  it.each(negatives)('should refuse $name with $error', ({ bytes: manifest, error }) => {
    expect(codeOf(() => verifyMacManifest(manifest, trust))).toBe(error);
  });

  it('should be refused by devices of the full profile, and firmware for the reduced one', () => {
    const mac = bytes(manifests[0]!.hex);
    expect(codeOf(() => parseManifest(mac))).toBe('manifest.outside-template');
    const firmware = { ...macManifestCases[0]!.content, component: 'firmware' as const };
    expect(codeOf(() => macManifest(firmware, macSecret))).toBe('manifest.component-unknown');
  });

  it('should be made of what the project signed, and of nothing else', () => {
    const keys = [rawPublicKey(privateKey)];
    const signed = signManifest(macManifestCases[0]!.content, privateKey);
    const of = (manifest: Uint8Array, project = 'demo') =>
      macSignedManifest(manifest, { keys, project, deviceType: macDeviceType }, macSecret);
    expect(hex(of(signed))).toBe(manifests[0]!.hex);
    const forged = Uint8Array.from(signed);
    forged[Buffer.from(signed).indexOf(Buffer.from('f65840', 'hex')) + 9]! ^= 1;
    expect(codeOf(() => of(forged))).toBe('manifest.signature-invalid');
    expect(codeOf(() => of(signed, 'other'))).toBe('manifest.vendor-mismatch');
    expect(codeOf(() => macSignedManifest(signed, { keys: [] }, macSecret))).toBe('manifest.key-unknown');
  });
});

describe('golden payloads', () => {
  it('should be written as ever: devices in the field decode them', () => {
    const about =
      'Payloads of docs/spec/transfer.md, in hexadecimal: what encodeDelta and encodeCompressed give.';
    const value = { about, payloads: payloadCases() };
    expect(golden('payload.json', value)).toEqual(JSON.parse(json(value)));
  });
});
