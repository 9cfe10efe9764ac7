/** The site as it is built: every page of docs/, every link and anchor, and nothing from elsewhere. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { workspaceRoot } from '@tinyfleet/testing';

describe('the site of the documentation', () => {
  const pages = new Map<string, string>();
  const dist = join(workspaceRoot, 'tools/docs-site/dist');
  const files = new Set<string>();

  beforeAll(() => {
    const built = spawnSync(process.execPath, ['tools/workspace/build.mjs', '--quiet'], {
      cwd: workspaceRoot,
      encoding: 'utf8',
    });
    expect(built.stderr).toBe('');
    for (const entry of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
      files.add(`/docs/${entry}`);
      if (!entry.endsWith('.html')) continue;
      const address = `/docs/${entry.replace(/\.html$/, '').replace(/^index$/, '')}`;
      pages.set(address, readFileSync(join(dist, entry), 'utf8'));
    }
  });

  it('should have a page for every text', () => {
    const texts = readdirSync(join(workspaceRoot, 'docs'), { recursive: true, encoding: 'utf8' });
    const wanted = texts
      .filter((path) => path.endsWith('.md'))
      .map((path) => `/docs/${path.replace(/\.md$/, '').replace(/(^|\/)README$/, '')}`);
    expect([...pages.keys()].sort()).toEqual(wanted.sort());
  });

  it('should lead every link to a page and an anchor that are there', () => {
    const dead: string[] = [];
    for (const [address, html] of pages) {
      for (const [, href = ''] of html.matchAll(/href="([^"]*)"/g)) {
        if (/^(https?:|mailto:)/.test(href) || href === '/') continue;
        const [path = '', anchor] = href.split('#');
        const target = path === '' ? html : pages.get(path);
        const isThere =
          anchor === undefined ? target : target?.includes(`id="${decodeURIComponent(anchor)}"`);
        if (!isThere && !files.has(path.split('?')[0] ?? '')) dead.push(`${address} -> ${href}`);
      }
      for (const [, source = ''] of html.matchAll(/<img[^>]* src="([^"]*)"/g))
        if (!files.has(source)) dead.push(`${address} -> ${source}`);
    }
    expect(dead).toEqual([]);
  });

  it('should have no script of its own in a page, and load nothing from elsewhere', () => {
    for (const html of pages.values()) {
      expect(html).not.toMatch(/<script(?![^>]* src="\/docs\/)/);
      expect(html).not.toMatch(/<(script|link|img|iframe)[^>]* (src|href)="(https?:)?\/\//);
      expect(html).not.toMatch(/ on[a-z]+="/);
    }
  });

  it('should find sections by their words', () => {
    const sections = JSON.parse(readFileSync(join(dist, 'search.json'), 'utf8')) as {
      address: string;
      text: string;
    }[];
    const found = sections.filter(({ text }) => text.includes('return code 3'));
    expect(found.map(({ address }) => address)).toContain('/docs/operate#when-the-database-is-away');
  });
});
