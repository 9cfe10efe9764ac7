/** Which server, token and project a command uses. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { hostOf, removeLogin, resolveContext, writeContext } from './context.js';
import { loginFile, serverContextFile } from './paths.js';

const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-cli-'));
const before = process.env['XDG_CONFIG_HOME'];
beforeAll(() => {
  process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
  writeContext(serverContextFile(folder), { url: 'http://127.0.0.1:8080', token: 'local' });
});
afterEach(() => removeLogin());
afterAll(() => {
  if (before === undefined) delete process.env['XDG_CONFIG_HOME'];
  else process.env['XDG_CONFIG_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

const env = { TINYFLEET_DATA_DIR: folder };

describe('context', () => {
  it('should use what the local server wrote', () => {
    expect(resolveContext({ dataDir: folder }, {})).toMatchObject({
      url: 'http://127.0.0.1:8080',
      token: 'local',
      project: undefined,
    });
  });

  it('should prefer flags to the environment and both to files', () => {
    const variables = { TINYFLEET_URL: 'http://b/', TINYFLEET_TOKEN: 't', TINYFLEET_PROJECT: 'p' };
    expect(resolveContext({ dataDir: folder }, variables)).toMatchObject({
      url: 'http://b',
      token: 't',
      project: 'p',
    });
    expect(resolveContext({ dataDir: folder, url: 'http://c', project: 'q' }, variables)).toMatchObject({
      url: 'http://c',
      project: 'q',
    });
  });

  it('should never send a stored token to another server', () => {
    const refused = { code: 'cli.no-login', data: { url: 'http://elsewhere' } };
    expect(() => resolveContext({ dataDir: folder, url: 'http://elsewhere' }, {})).toThrow(
      expect.objectContaining(refused),
    );
  });

  it('should use the login unless a data directory is named', () => {
    writeContext(loginFile(), { url: 'https://far', token: 'far', project: 'pumps' });
    const saved = process.env['TINYFLEET_DATA_DIR'];
    process.env['TINYFLEET_DATA_DIR'] = env.TINYFLEET_DATA_DIR;
    try {
      expect(resolveContext({}, {})).toMatchObject({ url: 'https://far', project: 'pumps' });
    } finally {
      if (saved === undefined) delete process.env['TINYFLEET_DATA_DIR'];
      else process.env['TINYFLEET_DATA_DIR'] = saved;
    }
    expect(resolveContext({ dataDir: folder }, {}).url).toBe('http://127.0.0.1:8080');
  });

  it('should write tokens for the owner only and refuse a damaged file', () => {
    writeContext(loginFile(), { url: 'https://far', token: 'far' });
    expect(statSync(loginFile()).mode & 0o777).toBe(0o600);
    const broken = mkdtempSync(join(folder, 'broken-'));
    writeFileSync(serverContextFile(broken), '{"url":');
    expect(() => resolveContext({ dataDir: broken }, {})).toThrow(/not a TinyFleet context/);
  });
});

describe('hostOf', () => {
  it('should give names and addresses as sockets take them', () => {
    expect(hostOf('https://fleet.example:8443/')).toBe('fleet.example');
    expect(hostOf('http://127.0.0.1:8080')).toBe('127.0.0.1');
    expect(hostOf('http://[::1]:8080')).toBe('::1');
  });
});
