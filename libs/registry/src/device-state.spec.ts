import { describe, expect, it } from '@jest/globals';
import { DeviceState } from '@tinyfleet/contracts';
import { DEVICE_TRANSITIONS, LIVE_STATES, requireMove } from './device-state.js';

describe('states of a device', () => {
  it('should have a way out of every state but retired, and a way into every state', () => {
    const from = new Set(Object.values(DEVICE_TRANSITIONS).flatMap((one) => one.from));
    expect([...from].sort()).toEqual(DeviceState.options.filter((state) => state !== 'retired').sort());
    const to = new Set(Object.values(DEVICE_TRANSITIONS).map((one) => one.to));
    for (const state of DeviceState.options)
      expect(to.has(state) || (state === 'registered' && to.has('before'))).toBe(true);
    expect(LIVE_STATES.some((state) => state === 'suspended' || state === 'retired')).toBe(false);
  });

  it('should say what cannot be done in which state', () => {
    expect(() => requireMove('d', 'active', 'suspend')).not.toThrow();
    expect(() => requireMove('d', 'retired', 'resume')).toThrow(/d is retired: it cannot resume/);
  });
});
