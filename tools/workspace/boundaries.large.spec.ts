// The dependency rules of docs/architecture.md, proven on a clean clone: every rule is fed violations, and
// `npm run lint` must name each of them. One clone and one ESLint run serve all of them.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFolders, root } from './packages.mjs';

const boundaries = '@nx/enforce-module-boundaries';

interface Violation {
  readonly should: string;
  readonly path: string;
  readonly code: string;
  readonly rule: string;
}

const violations: readonly Violation[] = [
  // Rule 1
  {
    should: 'should refuse an application that imports an application',
    path: 'apps/cli/src/violation-app.ts',
    code: `export * from '@tinyfleet/server';`,
    rule: boundaries,
  },
  {
    should: 'should refuse Nest outside the server',
    path: 'libs/registry/src/violation-nest.ts',
    code: `export { Injectable } from '@nestjs/common';`,
    rule: boundaries,
  },
  {
    should: 'should refuse the broker outside the server',
    path: 'apps/simulator/src/violation-broker.ts',
    code: `export { Aedes } from 'aedes';`,
    rule: boundaries,
  },
  {
    should: 'should refuse TypeORM outside storage',
    path: 'apps/server/src/violation-typeorm.ts',
    code: `export { DataSource } from 'typeorm';`,
    rule: boundaries,
  },
  {
    should: 'should refuse the Postgres driver outside storage',
    path: 'libs/telemetry/src/violation-pg.ts',
    code: `export { Client } from 'pg';`,
    rule: boundaries,
  },
  // Rule 2
  {
    should: 'should refuse a domain that another one is not listed to need',
    path: 'libs/releases/src/violation-domain.ts',
    code: `export * from '@tinyfleet/telemetry';`,
    rule: boundaries,
  },
  {
    should: 'should refuse a domain that imports storage',
    path: 'libs/quality/src/violation-storage.ts',
    code: `export * from '@tinyfleet/storage';`,
    rule: boundaries,
  },
  {
    should: 'should refuse a store port without a project scope',
    path: 'libs/registry/src/violation-port.ts',
    code: `export interface ViolationStore { find(name: string): Promise<string> }`,
    rule: 'tinyfleet/store-port-takes-project-scope',
  },
  // Rule 3
  {
    should: 'should refuse a compiler stage that imports another stage',
    path: 'libs/compiler/src/frontends/violation-stage.ts',
    code: `export * from '../passes/table.js';`,
    rule: 'tinyfleet/compiler-stages',
  },
  {
    should: 'should refuse a compiler frontend that runs kernels',
    path: 'libs/compiler/src/frontends/violation-runtime.ts',
    code: `export * from '@tinyfleet/runtime';`,
    rule: 'tinyfleet/compiler-stages',
  },
  // Rule 4
  {
    should: "should refuse a way past a package's door",
    path: 'apps/cli/src/violation-deep.ts',
    code: `export * from '@tinyfleet/wire/src/index.js';`,
    rule: 'tinyfleet/no-deep-import',
  },
  {
    should: 'should refuse a relative path into another package',
    path: 'libs/telemetry/src/violation-relative.ts',
    code: `export * from '../../wire/src/index.js';`,
    rule: boundaries,
  },
  {
    should: 'should refuse a cycle',
    path: 'libs/telemetry/src/violation-cycle.ts',
    code: `export * from '@tinyfleet/quality';`,
    rule: boundaries,
  },
  {
    should: 'should refuse Node in the page',
    path: 'apps/dashboard/src/violation-node.ts',
    code: `export { readFileSync } from 'node:fs';`,
    rule: 'no-restricted-imports',
  },
  {
    should: 'should refuse Node in what the page imports',
    path: 'libs/contracts/src/violation-node.ts',
    code: `export { createHash } from 'crypto';`,
    rule: 'no-restricted-imports',
  },
];

describe('npm run lint on a clean clone', () => {
  const clone = mkdtempSync(join(tmpdir(), 'tinyfleet-boundaries-'));
  let found = new Map<string, string[]>();
  let status: number | null = null;
  let errors = '';

  beforeAll(() => {
    execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${root}`, clone]);
    borrowPackages(clone);
    for (const { path, code } of violations) writeFileSync(join(clone, path), `// A violation.\n${code}\n`);
    // Rule 5
    writeFileSync(join(clone, 'firmware-stubs/runtime/src/violation.c'), '#include "fleet_agent.h"\n');
    const files = violations.map(({ path }) => path);
    const lint = spawnSync(process.execPath, ['tools/workspace/lint.mjs', '--format=json', ...files], {
      cwd: clone,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    status = lint.status;
    errors = lint.stderr;
    const results = JSON.parse(lint.stdout) as { filePath: string; messages: { ruleId: string }[] }[];
    found = new Map(
      results.map(({ filePath, messages }) => [
        filePath.slice(filePath.indexOf(clone) + clone.length + 1),
        messages.map(({ ruleId }) => ruleId),
      ]),
    );
  }, 180_000);

  afterAll(() => {
    rmSync(clone, { recursive: true, force: true });
  });

  it('should fail', () => {
    expect(status).toBe(1);
  });

  it.each(violations)('$should', ({ path, rule }) => {
    expect(found.get(path)).toContain(rule);
  });

  it('should refuse a runtime that includes the agent, and a runtime file without the poison', () => {
    expect(errors).toContain('runtime/src/violation.c:1: runtime must not include agent: "fleet_agent.h"');
    expect(errors).toContain('runtime/src/violation.c:1: does not include poison.h');
  });
});

/** As `npm ci` would leave it, without its minute: published packages by links, our own ones pointing into the clone. */
function borrowPackages(clone: string): void {
  const modules = join(clone, 'node_modules');
  mkdirSync(join(modules, '@tinyfleet'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name === '@tinyfleet' || name === '.cache') continue;
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  for (const folder of packageFolders()) {
    const { name } = JSON.parse(readFileSync(join(clone, folder, 'package.json'), 'utf8')) as {
      name: string;
    };
    symlinkSync(join(clone, folder), join(modules, name));
    const own = join(root, folder, 'node_modules');
    if (existsSync(own)) symlinkSync(own, join(clone, folder, 'node_modules'));
  }
}
