/** Manifests as JSON, both ways. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { manifestFromJson, manifestToJson } from './json.js';
import { macManifest } from './mac.js';
import { signManifest } from './sign.js';
import { macManifestCases, macSecret } from '../../test/mac-manifest-cases.js';
import { manifestCases } from '../../test/manifest-cases.js';

const through = (bytes: Uint8Array): Uint8Array =>
  manifestFromJson(JSON.parse(JSON.stringify(manifestToJson(bytes))));

describe('a manifest as JSON', () => {
  it('should give back every golden manifest, its signature or MAC included', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    for (const { content } of manifestCases) {
      const bytes = signManifest(content, privateKey);
      expect(manifestToJson(bytes)).toMatchObject({ component: content.component, size: content.size });
      expect(Buffer.from(through(bytes)).equals(bytes)).toBe(true);
    }
    for (const { content } of macManifestCases) {
      const bytes = macManifest(content, macSecret);
      expect(manifestToJson(bytes)).toHaveProperty('mac');
      expect(Buffer.from(through(bytes)).equals(bytes)).toBe(true);
    }
  });

  it('should hold no key and nothing that only its maker has', () => {
    const json = JSON.stringify(manifestToJson(macManifest(macManifestCases[0]!.content, macSecret)));
    expect(json).not.toContain(Buffer.from(macSecret.key).toString('hex'));
  });

  it('should refuse what is none with registered errors', () => {
    const good = manifestToJson(macManifest(macManifestCases[0]!.content, macSecret));
    const conditions = good['conditions'] as object;
    const codes = [
      [],
      { ...good, component: 'toaster' },
      { ...good, digest: 'zz' },
      { ...good, digest: '00' },
      { ...good, sequence: -1 },
      { ...good, mac: undefined, algorithm: 'rot13' },
      { ...good, conditions: { ...conditions, abi: 1.5 } },
      { ...good, conditions: { ...conditions, soakS: {} } },
    ].map((json) => {
      try {
        manifestFromJson(json);
      } catch (error) {
        if (isFleetError(error)) return error.code;
        throw error;
      }
      return 'none';
    });
    expect(codes.slice(0, 6)).toEqual([
      'wire.json-invalid',
      'manifest.component-unknown',
      'wire.json-invalid',
      'wire.json-invalid',
      'wire.json-invalid',
      'manifest.algorithm-unsupported',
    ]);
    for (const code of codes) expect(code).toMatch(/^(wire|manifest)\./);
  });
});
