/** Every topic refreshes something that exists. */
import { describe, expect, it } from '@jest/globals';
import { eventSchemas, liveTopics, parseLiveTopic, routes, type RouteName } from '@tinyfleet/contracts';
import { LIVE_ROUTES, gainsRows, restMs, topicsOf } from './live-routes.js';

describe('LIVE_ROUTES', () => {
  it('should be reads, and show every topic', () => {
    for (const name of Object.keys(LIVE_ROUTES)) expect(routes[name as RouteName].method).toBe('GET');
    expect([...new Set(Object.values(LIVE_ROUTES).flat())].sort()).toEqual(Object.keys(liveTopics).sort());
  });

  it('should have every event in a topic', () => {
    const told = Object.values(liveTopics).flatMap(({ events }) => Object.keys(events));
    expect([...new Set(told)].sort()).toEqual(Object.keys(eventSchemas).sort());
  });

  it('should rest longer after reads that aggregate', () => {
    expect(restMs('accuracy')).toBeGreaterThan(restMs('rolloutGet'));
  });
});

describe('topicsOf', () => {
  const topics = (route: RouteName, input: object) => topicsOf(['p', route, input]);

  it('should be about the row that a read is about', () => {
    expect(topics('deviceGet', { params: { project: 'p', device: 'd-1' } })).toEqual(['p/devices/d-1']);
    expect(topics('rolloutGet', { params: { project: 'p', number: 7 } })).toEqual([
      'p/rollouts/7',
      'p/rollout-deployments/7',
      'p/telemetry',
    ]);
    expect(topics('releaseGet', { params: { project: 'p', release: 'kws@1.0.0' } })).toEqual([
      'p/releases/kws@1.0.0',
      'p/signing-keys',
    ]);
  });

  it('should be about all devices when a list has a filter or another order', () => {
    const params = { project: 'p' };
    expect(topics('deviceList', { params, query: { sort: 'name' } })).toEqual(['p/devices']);
    expect(topics('deviceList', { params, query: { sort: 'lastSeen' } })).toEqual(['p/fleet']);
    expect(topics('deviceList', { params, query: { filter: 'tag = "a"' } })).toEqual(['p/fleet']);
  });

  it('should be topics of the contract, and none for what is not live', () => {
    const params = { project: 'p', device: 'd', number: 1, group: 'g', model: 'm', release: 'kws@1.0.0' };
    for (const route of Object.keys(LIVE_ROUTES) as RouteName[])
      for (const topic of topics(route, { params })) expect(parseLiveTopic(topic)).toBeDefined();
    expect(topics('auditList', { params })).toEqual([]);
    expect(topicsOf(['', 'me', {}])).toEqual([]);
  });
});

describe('gainsRows', () => {
  it('should be of a list that is told only of its rows on the screen', () => {
    const params = { project: 'p' };
    const list = ['p', 'deviceList', { params, query: {} }, 'pages'];
    expect(gainsRows(list, ['p/devices/d-1'])).toBe(true);
    expect(gainsRows(list, ['p/devices', 'q/devices/d-1', 'p/groups/d-1'])).toBe(false);
    expect(gainsRows(list.slice(0, -1), ['p/devices/d-1'])).toBe(false);
    const filtered = ['p', 'deviceList', { params, query: { filter: 'tag = "a"' } }, 'pages'];
    expect(gainsRows(filtered, ['p/devices/d-1'])).toBe(false);
  });
});
