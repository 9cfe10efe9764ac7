/** What keeps a release from devices is said in order, and a statement that cannot be read is not invented. */
import { describe, expect, it } from '@jest/globals';
import { isOfferable, missing, readStatement } from './release-words.js';

const signedAt = '2026-01-01T00:00:00.000Z';

describe('missing', () => {
  it('should be nothing for what may be rolled out, and something for all else but the revoked', () => {
    for (const state of ['draft', 'validated', 'approved', 'deprecated'] as const)
      for (const at of [null, signedAt]) {
        const release = { state, signedAt: at };
        expect(missing(release).length === 0).toBe(isOfferable(release));
      }
    expect(missing({ state: 'revoked', signedAt })).toEqual([]);
    expect(isOfferable({ state: 'revoked', signedAt })).toBe(false);
  });
});

describe('readStatement', () => {
  it('should read names that are not ASCII', () => {
    const statement = {
      subject: [{ name: 'kws@1.1.0/m4.bundle', digest: { sha256: 'ab' } }],
      predicate: {
        buildDefinition: {
          externalParameters: { requestedBy: 'person:a@example.org' },
          resolvedDependencies: [
            { name: 'Geräusche.tflite', digest: { sha256: 'cd' }, annotations: { role: 'model' } },
          ],
        },
      },
    };
    const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
    expect(readStatement(payload)).toMatchObject({
      subjects: [{ name: 'kws@1.1.0/m4.bundle', digest: 'ab' }],
      materials: [{ name: 'Geräusche.tflite', role: 'model', digest: 'cd' }],
      requestedBy: 'person:a@example.org',
      startedOn: null,
    });
  });

  it.each(['', '!', Buffer.from('{').toString('base64'), Buffer.from([0xff, 0xfe]).toString('base64')])(
    'should not read "%s"',
    (payload) => {
      expect(readStatement(payload)).toBeUndefined();
    },
  );
});
