/** Statements of provenance: what they say, DSSE's encoding, and the signer's side of a signing request. */
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@tinyfleet/contracts';
import { attachSignature, contentToJson, manifestToSign, rawPublicKey, signingKeyId } from '@tinyfleet/wire';
import { build, digest, facts } from '../test/release-facts.js';
import { bomOf } from './bom.js';
import { envelopeOf, preAuthentication, signStatement, statementOf, verifyStatement } from './provenance.js';
import { signRequest } from './sign-request.js';

const bom = bomOf('demo', facts);
const keys = generateKeyPairSync('ed25519');
const raw = rawPublicKey(keys.publicKey);

describe('a statement of provenance', () => {
  it('should name bundles, source, data sets once each, compiler, options, people and times', () => {
    const statement = JSON.parse(statementOf('demo', facts, bom)) as Record<string, never>;
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://slsa.dev/provenance/v1',
      subject: [
        { name: 'kws@1.1.0/m4.bundle', digest: { sha256: digest('1') } },
        { name: 'kws@1.1.0/wasm.bundle', digest: { sha256: digest('2') } },
      ],
      predicate: {
        buildDefinition: {
          externalParameters: { release: 'kws@1.1.0', sequence: 4, requestedBy: 'person:b@example.org' },
          internalParameters: { wasm: { compilerVersion: '0.3.0' } },
          resolvedDependencies: [
            { name: 'kws.tflite', digest: { sha256: digest('a') } },
            {
              name: 'calibration',
              digest: { sha256: digest('c') },
              annotations: { deviceTypes: ['m4', 'wasm'] },
            },
            { name: 'validation-inputs', digest: { sha256: digest('d') } },
            { name: 'validation-labels', digest: { sha256: digest('e') } },
          ],
        },
        runDetails: {
          metadata: { startedOn: '2026-11-21T10:00:00.000Z', finishedOn: '2026-11-21T10:01:00.000Z' },
        },
      },
    });
  });

  it('should encode as the example of the DSSE protocol', () => {
    const bytes = preAuthentication('http://example.com/HelloWorld', 'hello world');
    expect(Buffer.from(bytes).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('should verify with plain Ed25519 over the envelope, and not when a byte differs', () => {
    const statement = statementOf('demo', facts, bom);
    const signature = Buffer.from(signStatement(statement, keys.privateKey));
    const envelope = envelopeOf({ statement, signatures: [{ publicKey: Buffer.from(raw), signature }] })!;
    const payload = Buffer.from(envelope.payload, 'base64');
    const head = `DSSEv1 ${envelope.payloadType.length} ${envelope.payloadType} ${payload.length} `;
    const sig = Buffer.from(envelope.signatures[0]!.sig, 'base64');
    expect(verify(null, Buffer.concat([Buffer.from(head), payload]), keys.publicKey, sig)).toBe(true);
    expect(verifyStatement(statement.replace('kws', 'kwz'), signature, raw)).toBe(false);
    expect(envelopeOf({ statement, signatures: [] })).toBeUndefined();
  });
});

describe('the signer of a request', () => {
  const content = {
    component: 'model' as const,
    sequence: 4,
    vendorId: new Uint8Array(16),
    classId: new Uint8Array(16),
    digest: new Uint8Array(Buffer.from(digest('1'), 'hex')),
    size: 100,
    conditions: { abi: 65_536, opSet: new Uint8Array([8]), arenaBytes: 10, stateBytes: 0, floor: 0 },
  };
  const request: Resource<'SigningRequest'> = {
    release: 'kws@1.1.0',
    keyId: Buffer.from(signingKeyId(raw)).toString('hex'),
    publicKeyHex: Buffer.from(raw).toString('hex'),
    manifests: [{ deviceType: 'm4', kind: 'release', content: contentToJson(content) }],
    provenance: { payloadType: 'application/vnd.in-toto+json', payload: statementOf('demo', facts, bom) },
  };

  it('should sign what the content says', () => {
    const { manifests, provenance } = signRequest(JSON.parse(JSON.stringify(request)), keys.privateKey);
    const signature = new Uint8Array(Buffer.from(manifests[0]!.signatureHex, 'hex'));
    expect(attachSignature(manifestToSign(content, raw), signature, raw).length).toBeGreaterThan(100);
    expect(verifyStatement(request.provenance.payload, Buffer.from(provenance, 'hex'), raw)).toBe(true);
    expect(createPublicKey(keys.privateKey).asymmetricKeyType).toBe('ed25519');
  });

  it('should refuse a request for another key, and one whose statement is about other bundles', () => {
    const other = generateKeyPairSync('ed25519').privateKey;
    expect(() => signRequest(request, other)).toThrow(
      expect.objectContaining({ code: 'releases.key-other' }),
    );
    for (const payload of ['{', statementOf('demo', { ...facts, builds: [build('m4', '9')] }, bom)])
      expect(() =>
        signRequest({ ...request, provenance: { ...request.provenance, payload } }, keys.privateKey),
      ).toThrow(expect.objectContaining({ code: 'releases.request-invalid' }));
  });
});
