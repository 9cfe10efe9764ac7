/** Whose address a WebSocket counts for, behind proxies. */
import { describe, expect, it } from '@jest/globals';
import { sourceAddress } from './websocket.js';

describe('sourceAddress', () => {
  const of = (forwarded: string | undefined, proxies: number) =>
    sourceAddress(
      {
        headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
        socket: { remoteAddress: '10.0.0.1' },
      },
      proxies,
    );

  it('should believe as many proxies as there are, and not what a client made up before them', () => {
    expect(of('6.6.6.6, 192.0.2.1', 0)).toBe('10.0.0.1');
    expect(of('6.6.6.6, 192.0.2.1', 1)).toBe('192.0.2.1');
    expect(of('6.6.6.6, 192.0.2.1, 10.0.0.2', 2)).toBe('192.0.2.1');
    expect(of('192.0.2.1', 2)).toBe('192.0.2.1');
  });

  it('should fall back to the peer', () => {
    expect(of(undefined, 1)).toBe('10.0.0.1');
    expect(of(' , ', 1)).toBe('10.0.0.1');
  });
});
