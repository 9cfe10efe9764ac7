import { describe, expect, it } from '@jest/globals';
import { MODELS } from '../../../test/models.js';
import { writeTflite } from '../../backends/tflite/write.js';
import { dumpGraph } from '../../ir/dump.js';
import { verify } from '../../ir/verify.js';
import { match } from './match.js';
import { open } from './open.js';

describe('open', () => {
  for (const [name, make] of Object.entries(MODELS)) {
    it(`should read back what the .tflite backend wrote (${name})`, () => {
      const graph = make();
      const file = writeTflite(graph);
      expect(match(file)).toBe(true);
      const read = open(file);
      verify(read, 'frontend');
      expect(dumpGraph(read)).toBe(dumpGraph(graph));
    });
  }
});
