/** Addresses of our own and of nobody are refused, however they are written, and so are names that lead to them. */
import { describe, expect, it } from '@jest/globals';
import { deliver, signatures } from './deliver.js';
import { isPublicAddress } from './public-address.js';

describe('isPublicAddress', () => {
  it('should know what is not public', () => {
    const not =
      '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 198.18.0.1 203.0.113.9 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 fc00::1 fd12::1 fe80::1 ff02::1 2001:db8::1 2002:7f00:1::1 2001::1 x 1.2.3';
    expect(not.split(' ').filter(isPublicAddress)).toEqual([]);
    const yes = '1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 192.169.0.1 2606:4700::1111 2a00::1';
    expect(yes.split(' ').filter((address) => !isPublicAddress(address))).toEqual([]);
  });
});

describe('deliver', () => {
  const options = { timeoutMs: 500, allowPrivate: false, snippetBytes: 10 };
  const attempt = (url: string) => ({ url, id: 'evt_1', body: '{}', secrets: [Buffer.alloc(32)] });

  it('should connect to no address that is not public, however it is written', async () => {
    for (const host of [
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
      '017700000001',
    ]) {
      const { status, error } = await deliver(attempt(`https://${host}:9/`), options);
      expect([host, status, error]).toEqual([host, null, expect.stringContaining('not a public address')]);
    }
  });

  it('should sign as Standard Webhooks does', () => {
    // The example of the specification.
    const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    expect(signatures([secret], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });
});
