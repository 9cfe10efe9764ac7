import { describe, expect, it } from '@jest/globals';
import { ownDownLeaf, ownUpLeaf } from './access.js';

const id = 'demo/demo-001';

describe('device topics', () => {
  it.each([
    ['fleet/1/demo/demo-001/up/hello', 'hello'],
    ['fleet/1/demo/demo-001/up/telemetry.json', 'telemetry.json'],
    ['fleet/1/demo/demo-001/up/', undefined],
    ['fleet/1/demo/demo-001/up/a/b', undefined],
    ['fleet/1/demo/demo-001/down/desired', undefined],
    ['fleet/1/demo/demo-002/up/hello', undefined],
    ['fleet/1/demo/demo-0011/up/hello', undefined],
    ['fleet/1/other/demo-001/up/hello', undefined],
    ['fleet/2/demo/demo-001/up/hello', undefined],
    ['$SYS/demo/demo-001/up/hello', undefined],
    ['fleet/1/demo/demo-001/up/+', undefined],
  ])('should answer for publishing to %s with %s', (topic, leaf) => {
    expect(ownUpLeaf(id, topic)).toBe(leaf);
  });

  it.each([
    ['fleet/1/demo/demo-001/down/desired', 'desired'],
    ['fleet/1/demo/demo-001/down/#', '#'],
    ['fleet/1/demo/demo-002/down/#', undefined],
    ['fleet/1/demo/demo-00/down/#', undefined],
    ['fleet/1/demo/demo-001/down/+', undefined],
    ['fleet/1/demo/+/down/desired', undefined],
    ['#', undefined],
    ['$share/g/fleet/1/demo/demo-001/down/desired', undefined],
    ['fleet/1/demo/demo-001/up/hello', undefined],
    ['fleet/1/demo/demo-002/down/desired', undefined],
  ])('should answer for subscribing to %s with %s', (topic, leaf) => {
    expect(ownDownLeaf(id, topic)).toBe(leaf);
  });
});
