/** A list of parts is shown of any document, however little of it is as expected. */
import { describe, expect, it } from '@jest/globals';
import { componentsOf } from './bom-components.js';

describe('componentsOf', () => {
  it('should name the release itself first, then its parts with their digests', () => {
    const bom = {
      metadata: { component: { type: 'machine-learning-model', name: 'kws', version: '1.1.0' } },
      components: [
        {
          type: 'file',
          name: 'kws.tflite',
          hashes: [
            { alg: 'SHA-1', content: 'no' },
            { alg: 'SHA-256', content: 'ab' },
          ],
        },
        { type: 'firmware', name: 'gateway', version: '1.2.0' },
      ],
    };
    expect(componentsOf(bom)).toEqual([
      { type: 'machine-learning-model', name: 'kws', version: '1.1.0', digest: undefined },
      { type: 'file', name: 'kws.tflite', version: undefined, digest: 'ab' },
      { type: 'firmware', name: 'gateway', version: '1.2.0', digest: undefined },
    ]);
  });

  it('should leave out what cannot be read', () => {
    expect(componentsOf({})).toEqual([]);
    expect(componentsOf({ metadata: 1, components: [null, 7, { name: 3, hashes: [null] }] })).toEqual([
      { type: '', name: '', version: undefined, digest: undefined },
    ]);
  });
});
