import { describe, expect, it } from '@jest/globals';
import { diverging, inkOn, sequential } from './ramp.js';

const channels = (color: string) => (color.match(/\d+/g) ?? []).map(Number);
const luminance = (color: string) => {
  const [r, g, b] = channels(color).map((c) =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
};
const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const shares = Array.from({ length: 21 }, (_, i) => i / 20);

describe('colours of heat maps', () => {
  it('should grow steadily in lightness alone, so that they read without colour', () => {
    for (const scheme of ['light', 'dark'] as const) {
      const steps = shares.map((share) => luminance(sequential(share, scheme)));
      const sign = scheme === 'light' ? -1 : 1;
      for (let i = 1; i < steps.length; i++) expect(sign * (steps[i]! - steps[i - 1]!)).toBeGreaterThan(0);
    }
  });

  it('should stand on a text of at least 4.5 to 1', () => {
    for (const scheme of ['light', 'dark'] as const)
      for (const share of shares)
        for (const color of [
          sequential(share, scheme),
          diverging(share, scheme),
          diverging(-share, scheme),
        ]) {
          const ink = inkOn(color) === '#ffffff' ? 1 : 0;
          expect(contrast(luminance(color), ink)).toBeGreaterThan(4.5);
        }
  });

  it('should stop at its ends and begin at the same tone', () => {
    expect(sequential(7, 'light')).toBe(sequential(1, 'light'));
    expect(diverging(-9, 'dark')).toBe(diverging(-1, 'dark'));
    expect(diverging(0, 'light')).toBe(sequential(0, 'light'));
  });
});
