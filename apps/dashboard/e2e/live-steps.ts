/**
 * Live pages, as a step of dashboard.large.spec.ts: two tabs of one browser share a stream, and show a device that speaks.
 */
import { expect, it } from '@jest/globals';
import { createClient } from '@tinyfleet/contracts';
import { eventually, type Product } from '@tinyfleet/testing';
import mqtt from 'mqtt';
import type { Page } from 'playwright-core';

/** From the answer of the broker to both screens. */
const MAX_MS = 1_000;

export function liveSteps(stage: () => { readonly product: Product; readonly page: Page }): void {
  it('should show a device that speaks in two tabs within a second, over one stream', async () => {
    const { page, product } = stage();
    const client = createClient({ baseUrl: product.url, token: product.token });
    const params = { project: 'demo' };
    const second = await page.context().newPage();
    let count = 0;
    const speak = async (): Promise<number> => {
      const name = `speaker-${count++}`;
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
      const from = performance.now();
      try {
        const shown = (tab: Page) => tab.getByText('connected', { exact: true }).first().waitFor();
        await Promise.all([page, second].map(shown));
        return performance.now() - from;
      } finally {
        await device.endAsync(true);
      }
    };
    // A machine that is busy with something else may take longer once.
    await eventually(async () => expect(await speak()).toBeLessThanOrEqual(MAX_MS), { timeoutMs: 60_000 });
    await second.close();
  }, 120_000);
}
