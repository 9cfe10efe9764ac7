/**
 * Alerts and quality by clicks, as steps of dashboard.large.spec.ts. What is healthy is declared first and judged by the real engine
 * while other steps run; a budget of many false pages makes sure that some devices of a healthy fleet are paged for.
 */
import { expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createClient } from '@tinyfleet/contracts';
import type { Product } from '@tinyfleet/testing';
import type { Page } from 'playwright-core';
import { violations } from './accessible.js';

interface Stage {
  readonly product: Product;
  readonly page: Page;
  readonly picture: (name: string) => Promise<void>;
}

const project = 'demo';
const DAY_MS = 86_400_000;
const PNG = [0x89, 0x50, 0x4e, 0x47];

export function qualitySteps(stage: () => Stage): { begin: () => void; end: () => void } {
  const open = async (path: string) => {
    const { page, product } = stage();
    await page.goto(`${product.url}/p/${project}${path}`);
  };
  const isAccessible = async () => expect(await violations(stage().page)).toEqual([]);
  const press = (name: string | RegExp) => stage().page.getByRole('button', { name, exact: true }).click();
  const dialog = () => stage().page.getByRole('dialog');
  /** The bytes of what a chart's menu saves. */
  const exported = async (chart: string, item: string) => {
    const { page } = stage();
    await press(`Export ${chart}`);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: item }).click(),
    ]);
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  };

  const begin = () => {
    it('should have an inbox before anything was declared healthy, and take a healthy period', async () => {
      const { page, product } = stage();
      const client = createClient({ baseUrl: product.url, token: product.token });
      await open('/alerts');
      await page.getByRole('heading', { name: 'Alerts', level: 1 }).waitFor();
      await page.getByLabel('Loading').first().waitFor({ state: 'detached' });
      await isAccessible();
      const params = { project };
      const settings = await client.call('qualitySettingsGet', { params });
      await client.call('qualitySettingsPut', {
        params,
        body: { ...settings, budget: 'at most 2000 false pages a week', roundSeconds: 3_600 },
      });
      const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
      await client.call('qualityBaselineDeclare', { params, body: { from: ago(14), to: ago(4), note: '' } });
    }, 60_000);
  };

  const end = () => {
    it('should show an alert as soon as it opens, and acknowledge, comment, mute and resolve it', async () => {
      const { page, picture } = stage();
      await open('/alerts');
      const inbox = page.getByRole('list', { name: 'Alerts' });
      await inbox.getByRole('article').first().waitFor({ timeout: 120_000 });
      const [, number] = /Alert (\d+)/.exec(
        (await inbox.getByRole('article').first().getAttribute('aria-label')) ?? '',
      )!;
      await isAccessible();
      await picture('alerts');
      await press(`Acknowledge alert ${number}`);
      await dialog().getByLabel('Note').fill('on my way');
      await dialog().getByRole('button', { name: 'Acknowledge' }).click();
      await inbox
        .getByRole('article', { name: `Alert ${number}`, exact: true })
        .waitFor({ state: 'detached' });
      await page.getByRole('group', { name: 'State' }).getByText('acknowledged').click();
      expect(page.url()).toContain('state=acknowledged');
      await inbox.getByRole('link', { name: new RegExp(`^#${number} `) }).click();
      await page.getByRole('region', { name: 'What moved' }).getByRole('img').waitFor();
      await page.getByRole('region', { name: 'Log' }).getByText('on my way').waitFor();
      await isAccessible();
      await picture('alert');
      await page.getByLabel('Comment').fill('a loose mount');
      await press('Comment');
      await page.getByRole('region', { name: 'Log' }).getByText('a loose mount').waitFor();
      await press(`Mute alert ${number}`);
      await dialog().getByText('8 h', { exact: true }).click();
      await dialog().getByRole('button', { name: 'Mute' }).click();
      await page.getByText('muted', { exact: true }).first().waitFor();
      await press(`Resolve alert ${number}`);
      await dialog().getByRole('button', { name: 'Resolve' }).click();
      await page.getByText('resolved', { exact: true }).first().waitFor();
    }, 180_000);

    it('should give the figures and the picture of a chart', async () => {
      const { page } = stage();
      await open('/quality');
      await page.getByRole('img', { name: /^Confusion/ }).waitFor();
      await isAccessible();
      const table = await exported('Accuracy by version over time', 'Figures (CSV)');
      expect(table.name).toBe('accuracy-by-version.csv');
      expect(table.bytes.toString('utf8')).toMatch(
        /^at,release,accuracy,low,high,.*\r\n.*vibration@1\.0\.0,0\.\d+/,
      );
      const drawn = await exported('Accuracy by version over time', 'Picture (PNG)');
      expect([...drawn.bytes.subarray(0, 4)]).toEqual(PNG);
    }, 60_000);

    it('should choose a cell of the drift matrix by keys and show what is behind it', async () => {
      const { page, picture } = stage();
      await open('/quality/drift');
      const matrix = page.getByRole('group', { name: /^Drift matrix/ });
      await matrix.getByRole('img').waitFor();
      const overlay = page.getByRole('img', { name: /now: / });
      await overlay.waitFor();
      await isAccessible();
      await picture('drift');
      await matrix.focus();
      await page.keyboard.press('ArrowLeft');
      await page.getByRole('button', { name: 'Show the whole range' }).waitFor();
      await overlay.waitFor();
      expect(page.url()).toContain('feature=');
      const drawn = await exported('Drift of vibration@1.0.0 from validation data', 'Picture (PNG)').catch(
        () => exported('Drift of vibration@1.1.0 from validation data', 'Picture (PNG)'),
      );
      expect([...drawn.bytes.subarray(0, 4)]).toEqual(PNG);
    }, 60_000);

    it('should label, skip and undo by keys, and say which', async () => {
      const { page, picture } = stage();
      await open('/quality/labels');
      const classes = page.getByRole('group', { name: 'It was' });
      await classes.waitFor();
      await isAccessible();
      await picture('label-queue');
      await page.keyboard.press('?');
      await dialog().getByText('the tenth class').waitFor();
      await page.keyboard.press('Escape');
      await dialog().waitFor({ state: 'detached' });
      await page.keyboard.press('2');
      const status = page.getByText(/^Last: .* was imbalance/);
      await status.waitFor();
      await page.keyboard.press('u');
      await status.waitFor({ state: 'detached' });
      await classes.waitFor();
      await page.keyboard.press('s');
      await page.getByText(/^Last: skipped/).waitFor();
    }, 120_000);

    it('should say what a tighter budget costs before it is used', async () => {
      const { page, picture } = stage();
      await open('/quality/budget');
      await page.getByText('At most 2000 false pages a week.').waitFor();
      await page.getByRole('img', { name: /^How late/ }).waitFor();
      await page.getByLabel('one page a week').check();
      await page.getByText(/standard deviation is seen .* rounds later/).waitFor();
      await isAccessible();
      await press('Use it');
      await page.getByText('At most one false page a week.').waitFor();
      await picture('budget');
    }, 60_000);
  };
  return { begin, end };
}
