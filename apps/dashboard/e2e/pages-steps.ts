/** What needs somebody, two sets of devices compared, and the tabs of settings, as steps of dashboard.large.spec.ts. */
import { expect, it } from '@jest/globals';
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

export function pagesSteps(stage: () => Stage): void {
  const open = async (path: string) => {
    const { page, product } = stage();
    await page.goto(`${product.url}/p/${project}${path}`);
  };
  const isAccessible = async () => expect(await violations(stage().page)).toEqual([]);

  it('should list what waits and lead to it', async () => {
    const { page, product } = stage();
    const client = createClient({ baseUrl: product.url, token: product.token });
    await open('');
    await page.getByRole('region', { name: /Needs you now|Nothing needs you now/ }).waitFor();
    // The last line, whatever else waits.
    const params = { project };
    const demo = await client.call('deviceList', { params, query: { filter: 'tag = "demo"' } });
    const devices = demo.items.map(({ name }) => name);
    const { opened } = await client.call('labelTaskOpen', { params, body: { devices, perDevice: 5 } });
    expect(opened).toBeGreaterThan(0);
    await page.reload();
    const card = page.getByRole('region', { name: 'Needs you now' });
    const line = card.getByRole('link', { name: /to label, asked for/ });
    const more = card.getByRole('button', { name: /^Show \d+ more/ });
    await line.or(more).first().waitFor();
    if (await more.isVisible()) await more.click();
    await isAccessible();
    await line.click();
    await page.getByRole('group', { name: 'It was' }).waitFor();
  }, 60_000);

  it('should compare two sets of devices by an address', async () => {
    const { page, picture } = stage();
    await open('/quality/compare?release=vibration@1.0.0');
    await page.getByText('Say what to compare').waitFor();
    await page.getByLabel('First: devices that match').fill('name = "demo-00*"');
    // Suggestions lie over what is below.
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await page.getByRole('img', { name: /^Accuracy: First .*; Second / }).waitFor();
    await page.getByRole('img', { name: /first: / }).waitFor();
    expect(new URL(page.url()).searchParams.get('filter')).toContain('demo-00*');
    await isAccessible();
    await picture('compare');
  }, 60_000);

  it('should ask before an invitation ends', async () => {
    const { page } = stage();
    await open('/people');
    await page.getByLabel('Email').fill('ada@example.org');
    await page.getByRole('button', { name: 'Make a link' }).click();
    await page.getByRole('button', { name: 'Revoke invitation of ada@example.org' }).click();
    await page.getByRole('dialog').getByText('Its link ends.').waitFor();
    await isAccessible();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('region', { name: 'Open invitations' }).waitFor({ state: 'detached' });
  }, 60_000);

  it('should show retention, bulk jobs and accounts, and ask before something is removed', async () => {
    const { page } = stage();
    await open('/settings?tab=retention');
    await page.getByLabel('Refused messages').fill('7');
    await page.getByRole('button', { name: 'Keep it so for retention' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Refused messages older than 7 days').waitFor();
    await isAccessible();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'As it was' }).click();
    await page.getByRole('tab', { name: 'Bulk jobs' }).click();
    await page.getByText('No bulk job yet').waitFor();
    await page.getByRole('tab', { name: 'Accounts' }).click();
    await page
      .getByRole('region', { name: 'Accounts', exact: true })
      .getByText('administrator')
      .first()
      .waitFor();
    await isAccessible();
  }, 60_000);
}
