/**
 * Releases and rollouts by clicks, as steps of dashboard.large.spec.ts. The bad release needs a minute until its labels have come:
 * it is started first and looked at when the steps between are over.
 */
import { expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@tinyfleet/contracts';
import { eventually, workspaceRoot, type Product } from '@tinyfleet/testing';
import type { Page } from 'playwright-core';
import { violations } from './accessible.js';

interface Stage {
  readonly product: Product;
  readonly page: Page;
  readonly picture: (name: string) => Promise<void>;
}

const project = 'demo';
const LABELS = ['normal', 'imbalance', 'bearing', 'looseness'];
/** Weights of the last layer of vibration-v2, one row of 24 bytes for each class, and its biases. */
const LAST_WEIGHTS = [2_464, 2_560] as const;
const LAST_BIASES = [2_576, 2_592] as const;

/** Each class gets the outputs of another one: it is sure of itself, passes its own self-test, and is always wrong. */
function mixUp(model: Buffer): Buffer<ArrayBuffer> {
  const mixed = Buffer.from(model);
  for (const [start, end] of [LAST_WEIGHTS, LAST_BIASES]) {
    const rows = model.subarray(start, end);
    const row = rows.length / LABELS.length;
    mixed.set(rows.subarray(row), start);
    mixed.set(rows.subarray(0, row), end - row);
  }
  return mixed;
}

export function rolloutSteps(stage: () => Stage): { begin: () => void; end: () => void } {
  const open = async (path: string) => {
    const { page, product } = stage();
    await page.goto(`${product.url}/p/${project}${path}`);
  };
  const isAccessible = async () => expect(await violations(stage().page)).toEqual([]);
  const press = (name: string | RegExp) => stage().page.getByRole('button', { name, exact: true }).click();
  const dialog = () => stage().page.getByRole('dialog');
  const chooseRelease = async (release: string) => {
    const { page } = stage();
    await page.getByRole('combobox', { name: 'Release' }).fill(release);
    await page.getByRole('option', { name: release }).click();
  };
  const chooseDevices = async (filter: string, found: string) => {
    const { page } = stage();
    await page.getByLabel('Devices that match').fill(filter);
    // Leaves the box, whose suggestions lie over the page.
    await page.keyboard.press('Tab');
    await page.getByRole('region', { name: 'Who can take it' }).first().getByText(found).waitFor();
  };

  const begin = () => {
    it('should follow a release on its way to devices, and say what it is made of', async () => {
      const { page, product, picture } = stage();
      const client = createClient({ baseUrl: product.url, token: product.token });
      const model = await readFile(join(workspaceRoot, 'tools/demo-model/models/vibration-v2.tflite'));
      expect(model.subarray(...LAST_WEIGHTS).some((byte) => byte !== 0)).toBe(true);
      const version = await client.call('modelImport', {
        params: { project, model: 'vibration' },
        query: { version: '1.2.0', fileName: 'mixed-up.tflite', labels: LABELS.join() },
        body: mixUp(model),
      });
      const params = { project, model: 'vibration', version: version.version };
      const wanted = { model: 'vibration', version: '1.2.0', deviceTypes: ['wasm'] };
      await client.call('buildStart', { params: { project }, body: wanted });
      await eventually(
        async () => {
          const build = await client.call('buildGet', { params: { ...params, deviceType: 'wasm' } });
          expect(build.state).toBe('succeeded');
        },
        { timeoutMs: 30_000 },
      );
      const body = { model: 'vibration', version: '1.2.0', notes: 'Trained on mixed-up labels' };
      await client.call('releaseCreate', { params: { project }, body });
      await open('/releases');
      await page.getByRole('link', { name: 'vibration@1.2.0', exact: true }).click();
      await page.getByText('a signature over the manifests').waitFor();
      await press('Validate vibration@1.2.0');
      await dialog().getByRole('button', { name: 'Validate' }).click();
      await page.getByText('validated', { exact: true }).waitFor();
      await press('Approve vibration@1.2.0');
      await dialog().getByLabel('Why').fill('looked at it');
      await dialog().getByRole('button', { name: 'Approve' }).click();
      await press('Sign vibration@1.2.0');
      await dialog().getByRole('button', { name: 'Sign' }).click();
      await page.getByText('It may be rolled out.').waitFor();
      await page.getByRole('region', { name: 'Provenance' }).first().getByText('mixed-up.tflite').waitFor();
      await isAccessible();
      await picture('release');
    }, 90_000);

    it('should start a bad release with gates, after a preview of what would happen', async () => {
      const { page, picture } = stage();
      await page.getByRole('link', { name: 'Roll out', exact: true }).click();
      await page.getByRole('heading', { name: 'Start a rollout' }).waitFor();
      await chooseDevices('tag = "demo"', '50 devices');
      await isAccessible();
      await press('Next: how');
      await page.getByRole('radio', { name: /^In steps/ }).click();
      await page.getByLabel('How many', { exact: true }).fill('40');
      await page.getByLabel('Soak', { exact: true }).fill('soon');
      await page.getByRole('alert').getByText('Step 1, soak').waitFor();
      // Longer than labels take to come: a step of 16 devices that nobody has labelled may go on when its soak is over.
      await page.getByLabel('Soak', { exact: true }).fill('3 min');
      await press('Remove step 2');
      await press('Choose, and set margins');
      await page.getByLabel('Telemetry window').fill('10 s');
      await page.getByLabel('Then', { exact: true }).selectOption('rollback');
      await page.getByLabel('Hold-back').fill('20');
      await isAccessible();
      await picture('rollout-policy');
      await press('Next: preview');
      await page.getByText('40 devices in all').waitFor();
      await page.getByText('10 devices held back to the end').waitFor();
      await page.getByText('all its devices go back').waitFor();
      await isAccessible();
      await picture('rollout-preview');
      await press('Start the rollout');
      await page.waitForURL(/\/rollouts\/\d+$/);
      await page
        .getByText(/needs .*more|needs reports/)
        .first()
        .waitFor();
    }, 60_000);
  };

  const end = () => {
    it('should have stopped the bad release by its gates and brought its devices back', async () => {
      const { page, picture } = stage();
      await open('/rollouts');
      await page.getByRole('link', { name: '#2', exact: true }).click();
      await page.getByText('rolled-back', { exact: true }).first().waitFor({ timeout: 90_000 });
      const gates = page.getByRole('region', { name: 'Gates' });
      await gates
        .getByRole('img', { name: /: fail$/ })
        .first()
        .waitFor();
      const found = await gates
        .getByRole('img')
        .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
      // The fleet as a whole, or the devices of one site: whichever is sure first stops it.
      expect(found).toContainEqual(
        expect.stringMatching(/^accuracy(:| of ).* lower than the control .*: fail$/),
      );
      const log = page.getByRole('region', { name: 'Decisions' });
      await log.getByText(/16 devices go back/).waitFor();
      await picture('rollout-stopped');
      await log.getByRole('button', { name: 'Evidence' }).first().click();
      await page.getByRole('img', { name: /Devices by state over time/ }).waitFor();
      await isAccessible();
      const chip = page.getByText('returned 16');
      await chip.click();
      expect(page.url()).toContain('state=returned');
      await page
        .getByRole('region', { name: 'Devices of this rollout, table' })
        .getByRole('link')
        .first()
        .click();
      await page
        .getByRole('region', { name: 'Deployments, table' })
        .getByText('it runs the version before')
        .waitFor();
      expect(page.url()).toContain('deployment=');
    }, 120_000);

    it('should keep a device from rollouts, and say so in the next plan', async () => {
      const { page } = stage();
      await open('/devices/demo-004');
      await press('Make a rule');
      await dialog().getByLabel('For how long').fill('7 d');
      await dialog().getByLabel('Why').fill('in an audit');
      await dialog().getByRole('button', { name: 'Hold it' }).click();
      await page.getByText('in an audit').waitFor();
      await isAccessible();
      await open('/rollouts/new');
      await chooseRelease('vibration@1.0.0');
      await chooseDevices('name = "demo-00*"', '9 devices');
      await page.getByText('held: in an audit').waitFor();
    }, 60_000);

    it('should revoke a release, and make and withdraw a signing key, each after it said what follows', async () => {
      const { page } = stage();
      await open('/releases/vibration@1.2.0');
      await press('Revoke vibration@1.2.0');
      await dialog().getByText('This cannot be undone').waitFor();
      await dialog().getByRole('button', { name: 'Revoke' }).click();
      await page.getByText('Revoked for good').waitFor();
      await isAccessible();
      await open('/settings?tab=keys');
      await press('Make the next key');
      await dialog().getByRole('button', { name: 'Make it' }).click();
      await page.getByText('The next key is with').waitFor();
      await isAccessible();
      await press(/^Withdraw key/);
      await dialog().getByRole('button', { name: 'Withdraw' }).click();
      await page.getByText('withdrawn', { exact: true }).waitFor();
    }, 60_000);
  };
  return { begin, end };
}
