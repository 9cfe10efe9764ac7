/** Every command that a page shows is executed by a test: which one, page by page. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@tinyfleet/testing';

const EXECUTED_BY: Readonly<Record<string, string>> = {
  'README.md': 'apps/server/test/story.large.spec.ts',
  'docs/access.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/api.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/cli.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/connect-a-device.md': 'apps/server/test/connect-a-device.large.spec.ts',
  'docs/devices.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/labels.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/porting-agent.md': 'firmware-stubs/ports/porting-agent.large.spec.ts',
  'docs/porting.md': 'firmware-stubs/ports/porting.medium.spec.ts',
  'docs/privacy.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/provisioning.md': 'apps/server/test/provisioning.large.spec.ts',
  'docs/quality.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/quick-start.md': 'apps/server/test/story.large.spec.ts',
  'docs/releases.md': 'apps/server/test/docs-pages.large.spec.ts',
  'docs/rollouts.md': 'apps/server/test/story.large.spec.ts',
  'docs/telemetry-sources.md': 'apps/server/test/docs-pages.large.spec.ts',
};

const read = (path: string): string => readFileSync(join(workspaceRoot, path), 'utf8');

describe('commands of the documentation', () => {
  const texts = readdirSync(join(workspaceRoot, 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = ['README.md', ...texts.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`)];

  it('should be shown by no page that no test executes', () => {
    const shown = pages.filter((page) => /^```(sh|bash|shell|console)$/m.test(read(page)));
    expect(shown.sort()).toEqual(Object.keys(EXECUTED_BY).sort());
  });

  it.each(Object.entries(EXECUTED_BY))('should have %s read by %s', (page, spec) => {
    const name = page.replace(/^.*\//, '').replace(/\.md$/, '');
    expect(read(spec)).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
