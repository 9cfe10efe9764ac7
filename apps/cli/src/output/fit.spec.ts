/** The fit table as text. */
import { describe, expect, it } from '@jest/globals';
import { renderFit, type Fit } from './fit.js';

const memory = (requiredBytes: number, availableBytes: number) => ({
  requiredBytes,
  availableBytes,
  fits: requiredBytes <= availableBytes,
});
const fit: Fit = {
  basis: 'An estimate.',
  items: [
    {
      deviceType: 'nucleo-l4r5zi',
      title: 'ST NUCLEO-L4R5ZI',
      core: 'cortex-m4f',
      clockHz: 120_000_000,
      fits: true,
      slot: memory(50, 100),
      arena: memory(10, 100),
      state: memory(0, 100),
      estimate: {
        instructions: 1,
        cycles: 1,
        milliseconds: 43.2,
        microjoules: 1_797.1,
        timeError: 0.2,
        energyError: 0.27,
      },
      advice: [],
    },
    {
      deviceType: 'small',
      title: 'Small',
      core: 'avr',
      clockHz: 16_000_000,
      fits: false,
      slot: memory(50, 40),
      arena: memory(10, 100),
      state: memory(0, 0),
      estimate: null,
      advice: ['The bundle is 10 B (25 %) too large.'],
    },
  ],
};

describe('renderFit', () => {
  const text = renderFit(fit).replace(/\u001b\[[0-9;]*m/g, '');

  it('should show shares, time and energy with their errors, and - where nobody knows', () => {
    expect(text).toMatch(/nucleo-l4r5zi +cortex-m4f +120 +50 % +10 % +yes +~43 ms ±20 % +~1,797 uJ ±27 %/);
    expect(text).toMatch(/small +avr +16 +125 % +10 % +no +- +-/);
  });

  it('should say what to change and what the numbers rest on', () => {
    expect(text).toContain('small: The bundle is 10 B (25 %) too large.');
    expect(text).toContain('An estimate.');
  });
});
