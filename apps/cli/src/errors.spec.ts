import { describe, expect, it } from '@jest/globals';
import { renderFailure, type Failure } from './errors.js';

const failure = (part: Partial<Failure>): Failure => ({
  message: 'It failed.',
  code: 'compiler.option-unsupported',
  hint: 'Do this.',
  exitCode: 6,
  ...part,
});

const plain = (text: string) => text.replaceAll(/\u001b\[\d+m/g, '');

describe('renderFailure', () => {
  it('should say what happened, the code and what to do', () => {
    expect(plain(renderFailure(failure({})))).toBe(
      'error  It failed. (compiler.option-unsupported)\n       Do this.',
    );
  });

  it('should not repeat the message as its own only detail', () => {
    const data = { diagnostics: [{ message: 'It failed.' }, { op: '#0', message: 'It failed.' }] };
    expect(renderFailure(failure({ data }))).toBe(renderFailure(failure({})));
  });

  it('should list each further detail once, with its place', () => {
    const data = {
      diagnostics: [
        { op: 'conv', message: 'It is odd.' },
        { op: 'conv', message: 'It is odd.' },
        { tensor: 'x', message: 'x has no scale.' },
      ],
    };
    expect(plain(renderFailure(failure({ data })))).toContain(
      '- conv: It is odd.\n       - x has no scale.\n',
    );
  });

  it('should show 12 details and count the rest', () => {
    const lines = (count: number) => {
      const issues = Array.from({ length: count }, (_, i) => ({ path: ['a', i], message: 'Required' }));
      return plain(renderFailure(failure({ data: { issues } }))).split('\n');
    };
    expect(lines(12)).toHaveLength(14);
    expect(lines(13)[13]).toContain('and 1 more');
  });

  it('should name a fused node by its first part', () => {
    const message = 'Cannot compile: MUL (mul;net/cell/mul_1, mul_2;net/mul), ADD (plain).';
    expect(renderFailure(failure({ message }))).toContain('MUL (mul;…, mul_2;…), ADD (plain).');
  });
});
