// docker-compose.yml: valid to its own tool, without a default password, and in words that the server knows.
import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_NODE_FLAGS } from '@tinyfleet/contracts';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { root } from './packages.mjs';

const secrets = { POSTGRES_PASSWORD: 'a-password', TINYFLEET_SECRET: '0123456789abcdef0123456789abcdef' };

describeWith(['docker-compose'], 'docker compose config', () => {
  const config = (environment: Record<string, string>) =>
    spawnSync(toolPath('docker-compose'), ['--file', 'docker-compose.yml', 'config'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    });

  it('should accept the file', () => {
    const { status, stdout, stderr } = config(secrets);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toContain('postgres://tinyfleet:a-password@postgres:5432/tinyfleet');
  });

  it.each(Object.keys(secrets))('should refuse to start without %s', (name) => {
    const { status, stderr } = config({ ...secrets, [name]: '' });
    expect(status).not.toBe(0);
    expect(stderr).toContain(name);
  });
});

describe('docker-compose.yml', () => {
  const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
  const server = readFileSync(join(root, 'apps/server/src/platform/config.ts'), 'utf8');

  it('should give the containers only variables that the server reads', () => {
    const given = [...compose.matchAll(/^ {2,}(TINYFLEET_[A-Z_]+|DATABASE_URL):/gm)].map(
      (match) => match[1] ?? '',
    );
    expect(given).toContain('TINYFLEET_ROLES');
    for (const name of given) expect(server).toContain(`'${name}'`);
  });

  it('should run every role, and the three of the edge together', () => {
    const roles = [...compose.matchAll(/TINYFLEET_ROLES: (.+)/g)].map((match) => match[1]);
    expect(roles).toEqual(['broker,ingest,ota', 'api', 'rollout', 'quality', 'compiler']);
  });
});

describe('Dockerfile', () => {
  it('should start the server with the flags that `tinyfleet up` gives it', () => {
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
    const command = ['node', ...SERVER_NODE_FLAGS, 'apps/server/dist/main.js'];
    expect(dockerfile).toContain(`\nCMD ["${command.join('", "')}"]`);
  });
});
