// First values assigned by the plan itself.
import { expect, it } from '@jest/globals';
import { GraphBuilder } from '../ir/builder.js';
import { verify } from '../ir/verify.js';
import { carriesState, withState } from './state.js';

it('should reset variables of one name each for itself', () => {
  const b = new GraphBuilder('twins');
  const q = { scale: 0.5 };
  const x = b.input('x', [1, 4], q);
  for (const name of ['a', 'b']) {
    const variable = b.variable('state', [1, 4], q);
    b.readVariable(variable, `read ${name}`);
    b.assignVariable(variable, x, `assign ${name}`);
  }
  const graph = b.build([b.relu(x, 'y')]);
  expect(carriesState(graph)).toBe(true);
  const anew = withState(graph, 'reset', []);
  expect(() => verify(anew, 'state')).not.toThrow();
  expect(carriesState(anew)).toBe(false);
});
