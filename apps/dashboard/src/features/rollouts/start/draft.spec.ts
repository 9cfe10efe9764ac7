/** What people choose becomes a request that the API takes, or says what is wrong with it. */
import { describe, expect, it } from '@jest/globals';
import { RolloutCreate } from '@tinyfleet/contracts';
import { newStep, PRESETS, requestOf, type Draft } from './draft.js';

const target = { release: 'kws@1.1.0', filter: 'tag = "pilot"', seed: 's' };
const [careful, , atOnce, shadow, ab] = PRESETS.map(({ draft }) => draft());
const of = (change: Partial<Draft>) => requestOf({ ...atOnce!, ...change }, target);
const problems = (change: Partial<Draft>): readonly string[] => {
  const read = of(change);
  return 'problems' in read ? read.problems : [];
};

describe('requestOf', () => {
  it.each(PRESETS)('should make a request of "$id" that the API takes', ({ draft }) => {
    const read = requestOf(draft(), target);
    if (!('request' in read)) throw new Error(read.problems.join());
    expect(RolloutCreate.parse(read.request)).toMatchObject({ ...target, maxFailurePercent: 5 });
  });

  it('should leave out what has a default', () => {
    const read = of({});
    expect(read).toMatchObject({ request: { steps: [{ percent: 100, soakSeconds: 0 }], windows: [] } });
    expect(Object.keys('request' in read ? read.request : {})).not.toContain('gates');
  });

  it('should ask the gates that were chosen, with a margin where one was given', () => {
    expect(of({ gates: { accuracy: '2', latency: '' }, window: '1 min' })).toMatchObject({
      request: {
        gates: { gates: [{ kind: 'latency' }, { kind: 'accuracy', margin: 2 }], windowSeconds: 60 },
      },
    });
    expect(requestOf(careful!, target)).toMatchObject({ request: { onFailure: 'rollback' } });
  });

  it('should name what is no number, no duration, or missing', () => {
    expect(problems({ devicesPerMinute: 'many' })).toEqual(['Devices per minute: “many” is no number.']);
    expect(problems({ jitter: 'a while' })).toEqual(['Spread: write “a while” as 90 s, 10 min, 6 h or 3 d.']);
    expect(problems({ steps: [newStep(10, '0'), { ...newStep(100, '0'), value: '' }] })).toEqual([
      'Step 2: say how many.',
    ]);
  });

  it('should ask for a shadow without gates, hold-back or a longest soak', () => {
    const draft = {
      ...shadow!,
      holdBackPercent: '10',
      gates: { silence: '' },
      shadow: { every: '10', time: '6 h' },
    };
    const read = requestOf(draft, target);
    if (!('request' in read)) throw new Error(read.problems.join());
    expect(RolloutCreate.parse(read.request)).toMatchObject({ shadow: { every: 10, seconds: 21_600 } });
    expect(read.request).not.toHaveProperty('gates');
    expect(of({ ...shadow!, shadow: { every: '', time: 'long' } })).toEqual({
      problems: ['Shadow runs: write “long” as 90 s, 10 min, 6 h or 3 d.'],
    });
    expect(problems({ ...shadow!, onFailure: 'rollback' })[0]).toMatch(/^When too many fail: /);
  });

  it('should ask for a comparison with one release or with what runs', () => {
    const draft = {
      ...ab!.ab,
      against: 'kws@1.0.5',
      percent: '20',
      metric: 'accuracy' as const,
      margin: '2',
    };
    expect(of({ ...ab!, ab: draft })).toMatchObject({
      request: {
        ab: { against: 'kws@1.0.5', percent: 20, metric: 'accuracy', margin: 2, minSeconds: 3_600 },
      },
    });
    const read = of({ ...ab! });
    expect('request' in read && Object.keys(read.request.ab ?? {})).not.toContain('against');
    expect(problems({ ...ab!, ab: { ...ab!.ab, percent: '100' } })[0]).toMatch(/^Share: /);
    expect(problems({ ...ab!, ab: { ...ab!.ab, least: '20 d' } })[0]).toMatch(/^At the latest: /);
  });

  it('should name what the API would refuse', () => {
    expect(problems({ steps: [newStep(50, '0'), newStep(10, '0')] })).toEqual([
      'Steps: steps rise and end with 100.',
    ]);
    expect(problems({ timeZone: 'Atlantis' })).toEqual(['Time zone: use a time zone such as Europe/Berlin.']);
    expect(problems({ holdBackPercent: '51' })[0]).toMatch(/^Hold-back: /);
  });
});
