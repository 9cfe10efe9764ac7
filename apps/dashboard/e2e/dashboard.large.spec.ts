/**
 * The dashboard in a real browser against the real product: set-up link, fleet, a model imported, built, released and
 * rolled out by clicks, accuracy. Fails on any console error and on any request that leaves the origin.
 * TINYFLEET_SCREENSHOTS=1 writes the pictures of the README to docs/img.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@tinyfleet/contracts';
import {
  describeWith,
  eventually,
  startProduct,
  toolPath,
  workspaceRoot,
  type Product,
} from '@tinyfleet/testing';
import { violations } from './accessible.js';
import { everyPage } from './every-page.js';
import { liveSteps } from './live-steps.js';
import { pagesSteps } from './pages-steps.js';
import { qualitySteps } from './quality-steps.js';
import { registrySteps } from './registry-steps.js';
import { rolloutSteps } from './rollout-steps.js';
import { chromium, type Browser, type Page } from 'playwright-core';

const EMAIL = 'ada@example.org';
const PASSWORD = 'correct horse battery';
const imageDir = join(workspaceRoot, 'docs/img');
const withPictures = process.env['TINYFLEET_SCREENSHOTS'] === '1';
/** Chromium's own traffic to its maker fails without a network; none of it is the page's. */
const BROWSER_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser logs every refusal that a test provokes, some of them after the page has shown it. */
const isProvoked = (url: string) => /\/(device-imports\?.*|authorities)$/.test(url);

describeWith(['chromium'], 'the dashboard', () => {
  let product: Product;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  const picture = async (name: string) => {
    if (!withPictures) return;
    // Lets charts and transitions come to rest.
    await page.waitForTimeout(700);
    await page.screenshot({ path: join(imageDir, `${name}.png`), fullPage: false });
  };
  const goTo = (label: string) => page.getByRole('navigation').getByText(label, { exact: true }).click();

  beforeAll(async () => {
    product = await startProduct();
    browser = await chromium.launch({ executablePath: toolPath('chromium'), args: BROWSER_FLAGS });
    const context = await browser.newContext({
      viewport: { width: 1280, height: 860 },
      colorScheme: 'light',
    });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on('console', (message) => {
      if (message.type() === 'error' && !isProvoked(message.location().url)) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    // Of every tab and frame.
    context.on('request', (request) => {
      if (new URL(request.url()).origin !== product.url) complaints.push(`left the origin: ${request.url()}`);
    });
    if (withPictures) await mkdir(imageDir, { recursive: true });
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  }, 60_000);

  it('should make the first administrator with the printed link, once', async () => {
    await page.goto(product.setupUrl ?? '');
    await page.getByLabel('Email').fill(EMAIL);
    await page.getByLabel('Password', { exact: false }).first().fill(PASSWORD);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.waitForURL(/\/p\/demo/);

    const again = await browser.newContext();
    const second = await again.newPage();
    await second.goto(product.setupUrl ?? '');
    await second.getByLabel('Email').fill('eve@example.org');
    await second.getByLabel('Password', { exact: false }).first().fill(PASSWORD);
    await second.getByRole('button', { name: 'Start' }).click();
    await second.getByRole('alert').waitFor();
    await again.close();
  }, 60_000);

  it('should show the simulated fleet, connected and marked as simulated', async () => {
    await page.getByText('Simulated.').waitFor();
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor();
    await page.getByText('vibration@1.0.0').first().waitFor();
    // The history is made while the fleet is live already; the picture waits for both.
    await page.getByRole('img', { name: 'Presence: connected 50' }).waitFor({ timeout: 180_000 });
    const client = createClient({ baseUrl: product.url, token: product.token });
    await eventually(
      async () => {
        const share = await client.call('versionShare', { params: { project: 'demo' } });
        // By hour, or by day once there are many windows.
        expect(share.points.length).toBeGreaterThan(13);
        // A window counts in the hour it began in. Those of the past last an hour: of a device whose windows begin
        // at the turn of one, the last may begin before it and the first of ten seconds after the next.
        const past = share.points.slice(0, -1).map(({ devices }) => devices);
        expect(Math.min(...past)).toBeGreaterThan(25);
        expect(past.filter((devices) => devices < 50).length).toBeLessThan(3);
      },
      { timeoutMs: 120_000, intervalMs: 1_000 },
    );
    await page.reload();
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor();
    await page.getByRole('status').getByText('Live').waitFor();
    await picture('fleet');
  }, 320_000);

  it('should narrow the table by a filter and explain a wrong one', async () => {
    const filter = page.getByLabel('Filter');
    await filter.fill('name = "demo-007"');
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'demo-007', exact: true }).waitFor();
    await filter.fill('name = = "x"');
    await page.getByRole('alert').getByText('Character 8').waitFor();
    await filter.fill('');
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor();
  }, 60_000);

  it('should show a device with its slots and telemetry', async () => {
    await page.getByRole('link', { name: 'demo-007', exact: true }).click();
    await page.getByRole('heading', { name: 'demo-007' }).waitFor();
    await page.getByText('Predicted classes per window').waitFor();
    await page.getByLabel('Slots').getByText('vibration@1.0.0').waitFor();
    await page.getByRole('img', { name: /^Connected [0-9.]+ % of the / }).waitFor();
    const histograms = page.getByRole('region', { name: 'Histograms over validation data' });
    await histograms.getByRole('img', { name: /^confidence this device: / }).waitFor();
    await histograms.getByLabel('Days of the histograms').getByText('14 days').click();
    await page.waitForURL(/days=14/);
    await histograms.getByText('Figures of confidence by bin').click();
    await histograms.getByRole('table', { name: 'confidence by bin' }).getByText('below 0.125').waitFor();
    const log = page.getByRole('region', { name: 'Log', exact: true });
    await log.getByText(/^It reported no error|^Day/).waitFor();
    expect(await violations(page)).toEqual([]);
    await picture('device');
  }, 60_000);

  it('should import, build and release a model by clicks', async () => {
    await goTo('Models');
    const file = join(workspaceRoot, 'tools/demo-model/models/vibration-v2.tflite');
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByLabel('Name').fill('vibration');
    await page.getByLabel('Labels').fill('normal,imbalance,bearing,looseness');
    await page.getByRole('button', { name: 'Import' }).click();
    const version = page.getByRole('region', { name: '1.1.0' });
    await version.getByRole('button', { name: 'Build for my device types' }).click();
    await version.getByText('succeeded').waitFor({ timeout: 60_000 });
    await version.getByRole('button', { name: 'Release and sign' }).click();
    await version.getByText('is signed').waitFor();
    await version.getByRole('link', { name: 'wasm' }).click();
    await page.getByRole('region', { name: 'Arena over time' }).waitFor();
    await picture('build');
  }, 120_000);

  it('should roll it out and follow every device live', async () => {
    await goTo('Rollouts');
    await page.getByRole('link', { name: 'Start a rollout' }).click();
    await page.getByRole('combobox', { name: 'Release' }).click();
    await page.getByRole('option', { name: 'vibration@1.1.0' }).click();
    await page.getByLabel('Devices that match').fill('tag = "demo"');
    await page.keyboard.press('Tab');
    await page.getByText('50 devices').first().waitFor();
    await page.getByRole('button', { name: 'Next: how' }).click();
    await page.getByRole('radio', { name: /^At once/ }).click();
    await page.getByRole('button', { name: 'Add a step' }).click();
    await page.getByLabel('How many', { exact: true }).fill('20');
    await page.getByRole('button', { name: 'Next: preview' }).click();
    await page.getByRole('button', { name: 'Start the rollout' }).click();
    await page.waitForURL(/\/rollouts\/\d+/);
    await page.getByRole('img', { name: /^Devices by state:/ }).waitFor();
    // Half-way: the first step is active, the second on its way.
    await page
      .getByTestId('active-count')
      .getByText(/^[1-4]\d of 50/)
      .waitFor({ timeout: 90_000 });
    await picture('rollout');
    await page.getByTestId('active-count').getByText('50 of 50').waitFor({ timeout: 90_000 });
    await page.getByText('succeeded').first().waitFor();
  }, 150_000);

  it('should show accuracy by version from labels', async () => {
    await goTo('Quality');
    await page.getByRole('img', { name: /^Accuracy by version: vibration@1\.0\.0 \d/ }).waitFor();
    await page.getByRole('img', { name: /Accuracy by version over time/ }).waitFor();
    await picture('quality');
  }, 60_000);

  it('should work in dark colours and on a phone', async () => {
    await goTo('Fleet');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor();
    await picture('fleet-dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole('link', { name: 'demo-001', exact: true }).waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await picture('fleet-phone');
    await page.setViewportSize({ width: 1280, height: 860 });
  }, 60_000);

  const rollouts = rolloutSteps(() => ({ product, page, picture }));
  const quality = qualitySteps(() => ({ product, page, picture }));
  quality.begin();
  rollouts.begin();
  registrySteps(() => ({ product, page, picture }));
  rollouts.end();
  quality.end();
  liveSteps(() => ({ product, page }));
  pagesSteps(() => ({ product, page, picture }));
  everyPage(() => ({ product, page }));

  it('should start an empty project that teaches, and remove the demo by one click', async () => {
    await page.getByRole('link', { name: 'Start an empty project' }).click();
    await page.getByLabel('Name').fill('pumps');
    await page.getByRole('button', { name: 'Make the project' }).click();
    await page.getByText('Connect the first device').waitFor();
    await picture('empty-project');
    await page.goto(`${product.url}/p/demo`);
    await page.getByRole('button', { name: 'Remove the demo' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.waitForURL(/\/p\/pumps/);
  }, 60_000);

  it('should have logged no error and sent nothing outside its origin', () => {
    expect(complaints).toEqual([]);
  });
});
