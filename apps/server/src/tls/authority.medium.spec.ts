import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureServerTls } from './authority.js';

describe('ensureServerTls', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-tls-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it('should make a certificate that a client trusting the authority accepts, and keep it', async () => {
    const tls = await ensureServerTls(folder);
    expect(tls.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect((await stat(join(folder, 'authority-key.pem'))).mode & 0o777).toBe(0o600);
    const server = createServer({ cert: tls.cert, key: tls.key }, (socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const host of ['localhost', '127.0.0.1']) {
      const socket = await new Promise<TLSSocket>((resolve, reject) => {
        const client = connect(
          { port, host: '127.0.0.1', servername: host === 'localhost' ? host : '', ca: tls.authority },
          () => resolve(client),
        );
        client.on('error', reject);
      });
      expect(socket.authorized).toBe(true);
      socket.destroy();
    }
    await new Promise((resolve) => server.close(resolve));
    expect(await ensureServerTls(folder)).toEqual(tls);
  });

  it('should renew the server certificate, and not the authority, for a new address or near its end', async () => {
    const before = await ensureServerTls(folder);
    const renewed = await ensureServerTls(folder, { names: ['localhost', '192.0.2.7'] });
    expect(renewed.fingerprint).toBe(before.fingerprint);
    expect(renewed.cert).not.toBe(before.cert);
    const later = await ensureServerTls(folder, {
      names: ['localhost'],
      now: new Date(Date.now() + 380 * 86_400_000),
    });
    expect(later.fingerprint).toBe(before.fingerprint);
    expect(later.cert).not.toBe(renewed.cert);
  });
});
