/** Every event refreshes something that exists. */
import { describe, expect, it } from '@jest/globals';
import { eventSchemas, routes } from '@tinyfleet/contracts';
import { gatherMs, STALE_ROUTES } from './stale-routes.js';

describe('STALE_ROUTES', () => {
  it('should name existing reads for every event', () => {
    expect(Object.keys(STALE_ROUTES).sort()).toEqual(Object.keys(eventSchemas).sort());
    for (const names of Object.values(STALE_ROUTES)) {
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(routes[name].method).toBe('GET');
    }
  });

  it('should gather longer before reads that aggregate', () => {
    expect(gatherMs('accuracy')).toBeGreaterThan(gatherMs('rolloutGet'));
  });
});
