/** Settings: where they come from, what is refused, what is shown. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '@tinyfleet/testing';
import { SETTINGS, configReference, describeConfig, loadConfig } from './config.js';

describe('loadConfig', () => {
  const folder = temporaryFolder();
  const load = (env: Record<string, string> = {}) => loadConfig({ env, cwd: folder() });
  const problemOf = (env: Record<string, string>): string => {
    try {
      load(env);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  const file = (text: string): Record<string, string> => {
    writeFileSync(join(folder(), 'c.yaml'), text);
    return { TINYFLEET_CONFIG: 'c.yaml' };
  };

  it('should run every role on loopback by default', () => {
    expect(load()).toMatchObject({
      roles: ['api', 'broker', 'ingest', 'ota', 'rollout', 'compiler', 'quality'],
      'http.host': '127.0.0.1',
      'http.port': 8080,
      'mqtt.port': 1883,
      lan: false,
    });
  });

  it('should let the environment win over the file and take levels of the file', () => {
    const env = file('http:\n  port: 1000\n  trustProxy: true\nlogLevel: warn\n');
    expect(load({ ...env, TINYFLEET_HTTP_PORT: '2000' })).toMatchObject({
      'http.port': 2000,
      'http.trustProxy': 1,
      logLevel: 'warn',
    });
  });

  it.each([
    ['true', 1],
    ['false', 0],
    ['0', 0],
    ['2', 2],
    ['16', 16],
  ])('should take %s as a number of proxies', (text, proxies) => {
    expect(load({ TINYFLEET_TRUST_PROXY: text })).toMatchObject({ 'http.trustProxy': proxies });
  });

  it.each(['17', '-1', '1.5', 'many'])('should refuse %j proxies', (text) => {
    expect(problemOf({ TINYFLEET_TRUST_PROXY: text })).toContain('TINYFLEET_TRUST_PROXY');
  });

  it('should name every wrong setting at once, by the name that was used', () => {
    const env = file('http:\n  port: many\n  prot: 1\n');
    const text = problemOf({ ...env, TINYFLEET_LOG_LEVEL: 'loud', TINYFLEET_ROLES: 'api,ota' });
    for (const part of [
      'http.port',
      'http.prot: no such setting',
      'TINYFLEET_LOG_LEVEL',
      'TINYFLEET_ROLES',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('should refuse half of an administrator, a short secret and another kind of database', () => {
    expect(problemOf({ TINYFLEET_ADMIN_EMAIL: 'a@b.co' })).toContain('set both or none');
    expect(problemOf({ TINYFLEET_SECRET: 'x'.repeat(31) })).toContain('TINYFLEET_SECRET');
    expect(problemOf({ TINYFLEET_SECRET: 'x'.repeat(32) })).toBe('');
    expect(problemOf({ DATABASE_URL: 'mysql://x' })).toContain('postgres://');
  });

  it('should open plain listeners beyond loopback only when told so in so many words', () => {
    expect(problemOf({ TINYFLEET_HTTP_HOST: '0.0.0.0' })).toContain('without TLS');
    expect(problemOf({ TINYFLEET_HTTP_HOST: '0.0.0.0', TINYFLEET_INSECURE_HTTP: 'true' })).toBe('');
    expect(problemOf({ TINYFLEET_MQTT_HOST: '10.0.0.1' })).toContain('without TLS');
    expect(problemOf({ TINYFLEET_MQTT_HOST: '10.0.0.1', TINYFLEET_INSECURE_MQTT: '1' })).toBe('');
    expect(problemOf({ TINYFLEET_HTTP_HOST: 'localhost', TINYFLEET_MQTT_HOST: '::1' })).toBe('');
    // A process without the role opens no such port.
    expect(problemOf({ TINYFLEET_ROLES: 'rollout', TINYFLEET_MQTT_HOST: '10.0.0.1' })).toBe('');
  });

  it('should move every fixed port by the offset and no free one', () => {
    const config = load({ TINYFLEET_PORT_OFFSET: '100', TINYFLEET_MQTT_PORT: '0' });
    expect([
      config['http.port'],
      config['http.tlsPort'],
      config['mqtt.port'],
      config['mqtt.tlsPort'],
    ]).toEqual([8180, 8543, 0, 8983]);
  });

  it('should show everything but secrets', () => {
    const secrets = { DATABASE_URL: 'postgres://u:hidden@h/d', TINYFLEET_SECRET: 'hidden'.repeat(6) };
    const shown = describeConfig(load(secrets));
    expect(Object.keys(shown)).toEqual(Object.keys(SETTINGS));
    expect(shown['databaseUrl']?.value).toBe('(set)');
    expect(JSON.stringify(shown)).not.toContain('hidden');
  });

  it('should document every setting', () => {
    const text = configReference();
    for (const [key, { env }] of Object.entries(SETTINGS))
      expect(text).toContain(`| \`${key}\` | \`${env}\` |`);
  });
});
