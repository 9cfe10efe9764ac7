/** What is read before the button is pressed is what will happen. */
import { describe, expect, it } from '@jest/globals';
import { GateKind } from '@tinyfleet/contracts';
import { policyInWords } from './policy-words.js';

const release = 'kws@1.1.0';
const texts = (policy: Partial<Parameters<typeof policyInWords>[0]>): string =>
  policyInWords({ release, filter: 'x', ...policy })
    .flatMap(({ text, parts = [] }) => [text, ...parts])
    .join('\n');

describe('policyInWords', () => {
  it('should say that nothing is proven without gates, and the defaults that act', () => {
    expect(texts({})).toBe(
      [
        'No gates: a step is over when its devices are active and its soak has passed.',
        'When more than 5 % of a step fail: it pauses and asks.',
        'A device that says nothing for 10 min counts as silent.',
      ].join('\n'),
    );
  });

  it('should have a sentence for every gate, with its margin', () => {
    const gates = GateKind.options.map((kind) => ({ kind, ...(kind === 'latency' ? { margin: 2.5 } : {}) }));
    const said = texts({ gates: { gates }, onFailure: 'rollback' });
    expect(said).toContain('at most 2.5 % slower inferences');
    expect(said).toContain('at most 4 points lower accuracy');
    expect(said).toContain('at most 0.2 a device and day more resets');
    expect(said.match(/at most/g)).toHaveLength(GateKind.options.length);
    expect(said).toContain('or a gate does: all its devices go back');
    expect(said).toContain('The last 5 % wait as the control of the last gates.');
  });

  it('should tell windows, rates and hold-back', () => {
    const said = texts({
      windows: [
        { from: '22:00', to: '04:00' },
        { days: ['sat'], from: '08:00', to: '18:00' },
      ],
      timeZone: 'Europe/Berlin',
      devicesPerMinute: 1,
      holdBackPercent: 5,
    });
    expect(said).toContain('Only daily 22:00–04:00 and sat 08:00–18:00, by the clock of each device');
    expect(said).toContain('At most 1 device a minute.');
    expect(said).toContain('5 % of the devices stay on the version they have');
  });

  it('should say what a shadow and a comparison do, and nothing of gates', () => {
    const shadow = texts({ shadow: { every: 10, seconds: 21_600 } });
    expect(shadow).toContain('on every 10th inference for 6 h; nothing acts on what it says');
    expect(shadow).toContain('fail: it pauses and asks');
    const ab = texts({ ab: { against: 'kws@1.0.5', percent: 20, metric: 'accuracy', margin: 2 } });
    expect(ab).toContain(
      'B, kws@1.1.0, on 20 % of the devices of every type and site; A, kws@1.0.5, on the others.',
    );
    expect(ab).toContain('differ by less than 2 points; not before 1 h, and after 14 d in any case');
    expect(texts({ ab: {} })).toContain('A, what they run, on the others');
    expect(shadow + ab).not.toContain('ates');
  });
});
