/**
 * The registry by clicks, as steps of dashboard.large.spec.ts: they share its server, browser and simulated fleet. Each page
 * is looked at by axe-core once.
 */
import { expect, it } from '@jest/globals';
import type { Product } from '@tinyfleet/testing';
import type { Page } from 'playwright-core';
import { violations } from './accessible.js';

interface Stage {
  readonly product: Product;
  readonly page: Page;
  readonly picture: (name: string) => Promise<void>;
}

const CSV = `name,type,tags,site
unit-1,wasm,imported eu,hall-9
unit-2,wasm,imported,hall-9
`;
const file = (text: string) => ({ name: 'devices.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });

export function registrySteps(stage: () => Stage): void {
  const open = async (path: string) => {
    const { page, product } = stage();
    await page.goto(`${product.url}/p/demo${path}`);
  };
  const isAccessible = async () => expect(await violations(stage().page)).toEqual([]);
  const press = (name: string | RegExp) => stage().page.getByRole('button', { name, exact: true }).click();
  const dialog = () => stage().page.getByRole('dialog');
  const nameBox = () => dialog().getByRole('textbox', { name: 'Name', exact: true });

  it('should load at most 300 KB of compressed scripts before the fleet is seen', async () => {
    const { page } = stage();
    await open('');
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor();
    // As they came over the wire.
    const bytes = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => name.endsWith('.js'))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    );
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThanOrEqual(300 * 1_024);
  }, 60_000);

  it('should import devices from a file, all or none, and name the wrong rows', async () => {
    const { page } = stage();
    await open('/import');
    const input = page.getByLabel('CSV file');
    await input.setInputFiles(file(`${CSV}unit-3,toaster,,\nUnit 4,wasm,,\n`));
    await press('Import');
    const wrong = page.getByRole('region', { name: 'Wrong rows' });
    await wrong.getByText('toaster').waitFor();
    expect(await wrong.getByRole('row').count()).toBe(3);
    await input.setInputFiles(file(CSV));
    await press('Check only');
    await page.getByText('2 would be added').waitFor();
    await press('Import');
    await page.getByText('2 added').waitFor();
    await isAccessible();
  }, 60_000);

  it('should complete a filter while it is typed, and count before it changes all that match', async () => {
    const { page } = stage();
    await open('');
    // Its lines push what is below them out of sight, and suggestions hide with their box.
    await page.getByRole('region', { name: /Needs you now|Nothing needs you now/ }).waitFor();
    const filter = page.getByLabel('Filter');
    await filter.fill('tag = imp');
    // Applied, it finds no device; the tag that completes it stays known.
    await page.waitForURL(/filter=tag[^&]*imp/);
    await page.getByRole('option', { name: 'imported' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await filter.inputValue()).toBe('tag = imported ');
    await page.getByRole('link', { name: 'unit-2' }).waitFor();
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor({ state: 'detached' });
    expect(page.url()).toContain('filter=');
    await press('Change all that match');
    await dialog().getByLabel('Site').fill('hall-7');
    await dialog().getByRole('button', { name: 'Count them first' }).click();
    await dialog().getByText('2 devices').first().waitFor();
    await dialog().getByRole('button', { name: 'Change 2 devices' }).click();
    await dialog().getByText('2 devices changed').waitFor();
    await press('Done');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV', exact: true }).click(),
    ]);
    const text = await (await download.createReadStream()).toArray();
    expect(Buffer.concat(text as Buffer[]).toString()).toContain('unit-1,wasm,eu imported,hall-7');
    await isAccessible();
  }, 60_000);

  it('should make a group of a filter and one by hand', async () => {
    const { page, picture } = stage();
    await open('?filter=tag%20%3D%20imported');
    await page.getByRole('link', { name: 'Save as a group' }).click();
    await nameBox().fill('new-ones');
    await dialog().getByText('2 now: unit-1, unit-2').waitFor();
    await dialog().getByRole('button', { name: 'Make the group' }).click();
    await page.waitForURL(/\/groups\/new-ones$/);
    await page.getByRole('link', { name: 'unit-1' }).waitFor();
    await open('/groups');
    await press('Make a group');
    await nameBox().fill('pilot');
    await dialog().getByText('chosen by hand').click();
    await dialog().getByRole('button', { name: 'Make the group' }).click();
    await page.waitForURL(/\/groups\/pilot$/);
    await press('Add devices');
    const devices = dialog().getByRole('combobox', { name: 'Devices' });
    for (const name of ['demo-001', 'demo-002']) {
      await devices.fill(name);
      await page.keyboard.press('Enter');
    }
    // Leaves the box, whose suggestions lie over the button.
    await page.keyboard.press('Tab');
    await dialog().getByRole('button', { name: 'Add 2 devices' }).click();
    await page.getByRole('link', { name: 'demo-002', exact: true }).waitFor();
    await press('Take out demo-002');
    await page.getByRole('link', { name: 'demo-002', exact: true }).waitFor({ state: 'detached' });
    await isAccessible();
    await open('/groups');
    await page.getByRole('link', { name: 'new-ones' }).waitFor();
    await isAccessible();
    await picture('groups');
    await press('Remove group new-ones');
    await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('link', { name: 'new-ones' }).waitFor({ state: 'detached' });
  }, 60_000);

  it('should let in a device that registered itself by a key, and keep another out', async () => {
    const { page, product } = stage();
    await open('/provisioning?tab=keys');
    await press('Make a key');
    await nameBox().fill('line-1');
    await dialog().getByRole('combobox', { name: 'For devices of type' }).fill('posix');
    await page.getByRole('option', { name: 'posix' }).click();
    await dialog().getByRole('button', { name: 'Make the key' }).click();
    const key = await dialog().getByText(/^tfp_/).innerText();
    await press('I have kept it');
    for (const name of ['sn-1', 'sn-2']) {
      const answer = await fetch(`${product.url}/api/v1/provision`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key, name }),
      });
      expect(answer.status).toBe(201);
    }
    await isAccessible();
    await page.getByRole('tab', { name: /Waiting/ }).click();
    await page.getByRole('link', { name: 'sn-1' }).waitFor();
    await isAccessible();
    await press('Let in sn-1');
    await page.getByRole('link', { name: 'sn-1' }).waitFor({ state: 'detached' });
    await press('Keep out sn-2');
    await dialog().getByRole('button', { name: 'Keep out' }).click();
    await page.getByText('Nobody waits').waitFor();
  }, 60_000);

  it('should make claim codes to print, refuse what is no certificate, and make an authority that signs here', async () => {
    const { page, picture } = stage();
    await page.getByRole('tab', { name: 'Claim codes' }).click();
    await page.getByLabel('Devices').fill('lamp-1\nlamp-2');
    await page.getByRole('combobox', { name: 'Type' }).fill('posix');
    await page.getByRole('option', { name: 'posix' }).click();
    await press('Make 2 codes');
    await page.getByRole('img', { name: 'QR code of lamp-2' }).waitFor();
    await isAccessible();
    await picture('claim-codes');
    await page.getByRole('tab', { name: 'Certificate authorities' }).click();
    await press('Add an authority');
    await nameBox().fill('factory');
    await dialog().getByLabel('Its certificate (PEM)').fill('not a certificate');
    await dialog().getByRole('button', { name: 'Upload' }).click();
    await dialog().getByRole('alert').waitFor();
    await dialog().getByText('make one that signs here').click();
    await dialog().getByRole('button', { name: 'Make it' }).click();
    await page.getByText('signs here', { exact: true }).waitFor();
    await isAccessible();
  }, 60_000);

  it('should renew the token of a device, revoke it, and listen to what a device says', async () => {
    const { page } = stage();
    await open('/devices/unit-1');
    await press('New token');
    await dialog().getByRole('button', { name: 'Make a new token' }).click();
    await press('I have kept it');
    await page.getByRole('region', { name: 'Credentials, table' }).getByText('active').waitFor();
    await press('Revoke all credentials of unit-1');
    await dialog().getByRole('button', { name: 'Revoke all' }).click();
    await page.getByRole('region', { name: 'Credentials, table' }).getByText('revoked').waitFor();
    await open('/devices/demo-003');
    await press('Listen');
    await page.getByText('it is connected').waitFor();
    await page.getByText('↑ telemetry').first().waitFor({ timeout: 90_000 });
    await isAccessible();
    await press('Stop');
  }, 120_000);

  it('should make a webhook, a scoped token and a device type, and show what each is', async () => {
    const { page } = stage();
    await open('/settings?tab=webhooks');
    await press('Make a webhook');
    await nameBox().fill('ops');
    await dialog().getByLabel('Address').fill('https://ops.example/hook');
    await press('All of them');
    await dialog().getByRole('button', { name: 'Make the webhook' }).click();
    await dialog()
      .getByText(/^whsec_/)
      .waitFor();
    await press('I have kept it');
    await press('ops');
    await press('Send a ping');
    await page.getByText('webhook.ping').waitFor();
    await isAccessible();
    await page.getByRole('tab', { name: 'My API tokens' }).click();
    await press('Make a token');
    await nameBox().fill('nightly');
    await dialog().getByLabel('Read only').check();
    await dialog().getByRole('button', { name: 'Make the token' }).click();
    await press('I have kept it');
    await page.getByText('operator, read only').waitFor();
    await isAccessible();
    await page.getByRole('tab', { name: 'My sessions' }).click();
    await page.getByText('this one').waitFor();
    await isAccessible();
    await page.getByRole('tab', { name: 'Device types' }).click();
    await press('Add a type');
    await nameBox().fill('my-board');
    await dialog().getByRole('combobox', { name: 'Like' }).fill('nano33');
    await page.getByRole('option', { name: /nano33/ }).click();
    await dialog().getByLabel('In words').fill('My board, revision B');
    await dialog().getByRole('button', { name: 'Add it' }).click();
    await press('All figures of my-board');
    await isAccessible();
  }, 60_000);
}
