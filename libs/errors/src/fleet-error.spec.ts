/** The error type: texts, problems, device numbers. */
import { describe, expect, it } from '@jest/globals';
import {
  FleetError,
  describeDeviceError,
  errorByNumber,
  errors,
  isErrorCode,
  isFleetError,
} from './index.js';

describe('FleetError', () => {
  it('should fill the text and the hint with its data', () => {
    const error = new FleetError('wire.too-large', { message: 'telemetry', bytes: 700, limit: 600 });
    expect(error.message).toBe('telemetry is 700 bytes; the limit is 600.');
    expect(error).toMatchObject({ code: 'wire.too-large', status: 413, number: 103, exitCode: 6 });
  });

  it('should make problem details that JSON can carry', () => {
    const error = new FleetError('wire.out-of-range', {
      message: 'hello',
      field: 'bootId',
      value: 2n ** 64n,
      range: '0..2^64-1',
    });
    const problem = JSON.parse(JSON.stringify(error.toProblem())) as Record<string, unknown>;
    expect(problem).toMatchObject({
      type: 'urn:tinyfleet:error:wire.out-of-range',
      status: 400,
      code: 'wire.out-of-range',
      data: { value: '18446744073709551616' },
    });
  });

  it('should be recognized, and other errors not', () => {
    expect(isFleetError(new FleetError('runtime.not-loaded'))).toBe(true);
    expect(isFleetError(new Error('x'))).toBe(false);
    expect(isFleetError(undefined)).toBe(false);
    expect(isErrorCode('runtime.not-loaded')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
  });

  it('should keep the cause', () => {
    const cause = new Error('why');
    expect(new FleetError('runtime.not-loaded', {}, { cause }).cause).toBe(cause);
  });
});

describe('device numbers', () => {
  it('should map a number and its negation to one code', () => {
    expect(errorByNumber(101)).toBe('wire.invalid');
    expect(errorByNumber(-101)).toBe('wire.invalid');
    expect(errorByNumber(799)).toBeUndefined();
  });

  it('should show a question mark for what a device did not tell', () => {
    expect(describeDeviceError(504, { latency: 900 }).detail).toBe(
      'One inference took 900 us; the release allows ?.',
    );
    expect(describeDeviceError(65_000).code).toBe('unknown');
  });

  it('should never use one number twice', () => {
    const numbers = Object.values(errors).flatMap((e) => ('number' in e ? [e.number] : []));
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
