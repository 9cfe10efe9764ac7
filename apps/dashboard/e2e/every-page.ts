/**
 * The last look at every page, as a step of dashboard.large.spec.ts: on a phone and in the dark, by axe-core and for what sticks out.
 * Which pages there are is read from the router, so that none is forgotten; a new parameter needs a value here.
 */
import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@tinyfleet/contracts';
import { workspaceRoot, type Product } from '@tinyfleet/testing';
import type { Page } from 'playwright-core';
import { violations } from './accessible.js';

interface Stage {
  readonly product: Product;
  readonly page: Page;
}

/** What the steps before have left in the project. */
const VALUES: Readonly<Record<string, string>> = {
  project: 'demo',
  group: 'pilot',
  device: 'unit-1',
  model: 'vibration',
  version: '1.1.0',
  deviceType: 'wasm',
  firmware: 'sensor-node',
  release: 'vibration@1.2.0',
};
/** Of what has numbers of its own. */
const NUMBERS: Readonly<Record<string, string>> = { rollouts: '2', alerts: '1' };

/** Addresses of all routes, with parameters filled in. */
function addresses(): string[] {
  const source = readFileSync(join(workspaceRoot, 'apps/dashboard/src/app/router.tsx'), 'utf8');
  const patterns = [...source.matchAll(/\bpath: '([^']+)'|inProject\('([^']+)'\)/g)].map(
    ([, whole, below]) => whole ?? `/p/$project${below!}`,
  );
  expect(patterns).toHaveLength(source.match(/createRoute\(/g)!.length);
  const filled = patterns.map((pattern) =>
    pattern
      .replace(/([^/]+)\/\$number/, (_, noun: string) => `${noun}/${NUMBERS[noun] ?? missing(pattern)}`)
      .replace(/\$(\w+)/g, (_, name: string) => VALUES[name] ?? missing(pattern)),
  );
  // The frame of a project and its first page have one address.
  return [...new Set(filled.map((path) => path.replace(/(.)\/$/, '$1')))];
}

function missing(pattern: string): never {
  throw new Error(`which page is ${pattern}? Give its parameters a value`);
}

export function everyPage(stage: () => Stage): void {
  it('should show every page on a phone and in the dark, read well and nothing sticking out', async () => {
    const { page, product } = stage();
    const client = createClient({ baseUrl: product.url, token: product.token });
    await client.call('firmwareImport', {
      params: { project: VALUES['project']!, firmware: VALUES['firmware']! },
      query: { version: '1.2.0', deviceType: VALUES['deviceType']!, fileName: 'image.bin' },
      body: new TextEncoder().encode('an image'),
    });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'dark' });
    const found: { path: string; overflow: number; violations: string[] }[] = [];
    const paths = addresses();
    await page.goto(`${product.url}/p/demo/groups`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    for (const path of paths) {
      // By the router, as a person goes: no page is loaded anew.
      await page.evaluate((to) => {
        document.querySelector('h1')?.setAttribute('data-left', '');
        history.pushState(null, '', to);
      }, path);
      await page.locator('h1:not([data-left])').waitFor();
      await page.getByLabel('Loading').first().waitFor({ state: 'detached' });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      found.push({ path, overflow, violations: await violations(page) });
    }
    expect(found).toEqual(paths.map((path) => ({ path, overflow: 0, violations: [] })));
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 860 });
  }, 240_000);
}
