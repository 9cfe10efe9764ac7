import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@tinyfleet/contracts';
import { needsOf, type Waiting } from './needs';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const at = '2026-03-02T11:00:00.000Z';
const nothing: Waiting = {
  alerts: [],
  rollouts: [],
  enrolments: [],
  releases: [],
  refusals: [],
  openLabelTasks: 0,
};
const alert = (number: number, severity: 'warning' | 'critical') =>
  ({ number, severity, title: 'it moved', subject: 'site=a', openedAt: at }) as Resource<'Alert'>;
const rollout = (number: number, state: Resource<'RolloutState'>) =>
  ({
    number,
    state,
    release: 'kws@1.1.0',
    reason: 'why',
    createdAt: at,
    stepEndedAt: null,
  }) as Resource<'Rollout'>;
const release = (ref: string, state: Resource<'ReleaseState'>, signedAt: string | null) =>
  ({ ref, state, signedAt, createdAt: at, createdBy: 'person:ada@example.org' }) as Resource<'Release'>;
const refusal = (device: string | null, code: string, count: number, lastAt = at) => ({
  day: '2026-03-02',
  device,
  code,
  count,
  lastAt,
  sample: '',
});

describe('needsOf', () => {
  it('should say nothing when nothing waits', () => {
    expect(
      needsOf(
        'p',
        {
          ...nothing,
          rollouts: [rollout(1, 'running'), rollout(2, 'succeeded')],
          releases: [release('kws@1.0.0', 'approved', at), release('kws@0.9.0', 'revoked', null)],
        },
        NOW,
      ),
    ).toEqual([]);
  });

  it('should put what hurts first', () => {
    const needs = needsOf(
      'p',
      {
        alerts: [alert(3, 'warning'), alert(2, 'critical')],
        rollouts: [rollout(5, 'awaiting-approval'), rollout(4, 'paused')],
        enrolments: [{ device: 'd-1', askedAt: at }],
        releases: [release('kws@1.2.0', 'draft', null)],
        refusals: [refusal('d-9', 'telemetry.boot-unknown', 2)],
        openLabelTasks: 7,
      },
      NOW,
    );
    expect(needs.map(({ key }) => key)).toEqual([
      'alert 2',
      'rollout 4',
      'alert 3',
      'rollout 5',
      'admission',
      'release kws@1.2.0',
      'refused d-9',
      'labels',
    ]);
  });

  it('should not let many alerts hide what else waits', () => {
    const alerts = [9, 8, 7, 6, 5].map((number) => alert(number, 'warning'));
    const needs = needsOf('p', { ...nothing, alerts, openLabelTasks: 1 }, NOW);
    expect(needs.map(({ key }) => key)).toEqual(['alert 9', 'alert 8', 'alert 7', 'more warning', 'labels']);
    expect(needs[3]?.title).toBe('2 more alerts of this severity');
  });

  it('should add up what was refused of a device within a day, the most first', () => {
    const old = '2026-03-01T11:59:59.000Z';
    const needs = needsOf(
      'p',
      {
        ...nothing,
        refusals: [
          refusal('d-1', 'a.one', 1),
          refusal('d-2', 'a.one', 2),
          refusal('d-2', 'a.two', 3),
          refusal('d-3', 'a.one', 99, old),
          refusal(null, 'a.one', 99),
        ],
      },
      NOW,
    );
    expect(needs.map(({ key, about }) => [key, about])).toEqual([
      ['refused d-2', 'a.one, a.two'],
      ['refused d-1', 'a.one'],
    ]);
    expect(needs[0]?.title).toBe('5 messages of d-2 refused within 24 h');
  });

  it('should name the first devices that wait and count all', () => {
    const enrolments = ['a', 'b', 'c', 'd'].map((device) => ({ device, askedAt: at }));
    const [need] = needsOf('p', { ...nothing, enrolments }, NOW);
    expect(need).toMatchObject({ title: '4 devices wait to be let in', about: 'a, b, c …' });
  });
});
