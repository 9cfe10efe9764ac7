import { describe, expect, it } from '@jest/globals';
import { remedyFor } from './abstain-words.js';

const REASONS = [
  ...['no-validation-data', 'too-few-predictions', 'unseen-confidences', 'confidences-moved'],
  ...['inputs-moved', 'interval-too-wide', 'labels-disagree'],
];

describe('remedyFor', () => {
  it('should know every reason of the engine, each by words of its own', () => {
    const titles = REASONS.map((reason) => remedyFor(reason, 'demo', 'm@1.0.0').title);
    expect(new Set(titles).size).toBe(REASONS.length);
    for (const [i, title] of titles.entries()) expect(title).not.toBe(REASONS[i]!.replaceAll('-', ' '));
  });

  it('should give the command that adds validation data, for the model concerned', () => {
    const { command } = remedyFor('no-validation-data', 'demo', 'vibration@1.0.0');
    expect(command).toMatch(/--name vibration .*--validation x\.npy,y\.npy --project demo$/);
  });

  it('should show a reason that it does not know', () => {
    expect(remedyFor('clock-wrong', 'demo', 'm@1.0.0').title).toBe('clock wrong');
  });
});
