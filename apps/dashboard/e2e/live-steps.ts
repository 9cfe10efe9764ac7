/**
 * Live pages, as a step of dashboard.large.spec.ts: two tabs of one browser share a stream, and show a device that speaks.
 */
import { expect, it } from '@jest/globals';
import { createClient } from '@tinyfleet/contracts';
import { eventually, type Product } from '@tinyfleet/testing';
import mqtt from 'mqtt';
import type { Page } from 'playwright-core';

/** For each of the tabs; `bench dashboard` has the second that it should take. */
const MAX_MS = 15_000;

export function liveSteps(stage: () => { readonly product: Product; readonly page: Page }): void {
  it('should show a device that speaks in two tabs, over one stream', async () => {
    const { page, product } = stage();
    const client = createClient({ baseUrl: product.url, token: product.token });
    const params = { project: 'demo' };
    const second = await page.context().newPage();
    const name = 'speaker';
    const { token } = await client.call('deviceRegister', { params, body: { name, type: 'wasm' } });
    await page.goto(`${product.url}/p/demo/devices/${name}`);
    await second.goto(`${product.url}/p/demo?filter=${encodeURIComponent(`name = "${name}"`)}`);
    for (const tab of [page, second]) {
      await tab.getByText('never', { exact: true }).first().waitFor();
      await tab.getByRole('status').getByText('Live').waitFor();
    }
    await eventually(async () => {
      const metrics = await (await fetch(`${product.url}/metrics`)).text();
      expect(metrics).toMatch(/^tinyfleet_event_streams 1$/m);
    });
    const username = `demo/${name}`;
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${product.mqttPort}`, {
      ...{ clientId: username, username, password: token, reconnectPeriod: 0 },
    });
    try {
      const shown = (tab: Page) =>
        tab.getByText('connected', { exact: true }).first().waitFor({ timeout: MAX_MS });
      await Promise.all([page, second].map(shown));
    } finally {
      await device.endAsync(true);
    }
    await second.close();
  }, 120_000);
}
