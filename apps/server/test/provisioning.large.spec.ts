/** docs/provisioning.md, executed in the order in which it stands there, against the product as a user starts it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from '@tinyfleet/contracts';
import { startProduct, tinyfleetBin, workspaceRoot, type Product } from '@tinyfleet/testing';

describe('docs/provisioning.md', () => {
  let product: Product;
  let folder = '';
  beforeAll(async () => {
    product = await startProduct({ args: ['--no-demo'] });
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-provisioning-'));
  }, 150_000);
  afterAll(async () => {
    await product?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('should do what it says', async () => {
    const page = await readFile(join(workspaceRoot, 'docs/provisioning.md'), 'utf8');
    const blocks = [...page.matchAll(/<!-- executed -->\s+```sh\n([\s\S]*?)```/g)].map(([, block]) => block);
    expect(blocks).toHaveLength(5);
    const script = blocks.join('\n').replaceAll('npx tinyfleet', tinyfleetBin);
    const ran = await product.shell(`set -eu\nexport URL=${product.url}\ncd ${folder}\n${script}`);
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    const client = createClient({ baseUrl: product.url, token: product.token });
    const params = { project: 'plant' };
    const states = (await client.call('deviceList', { params, query: {} })).items.map(
      ({ name, state }) => `${name} ${state}`,
    );
    expect(states).toEqual(['pump-1 registered', 'pump-2 claimed', 'sn-0042 claimed']);
    const { items } = await client.call('authorityList', { params });
    expect(items).toMatchObject([
      { name: 'factory', state: 'active', signs: false, type: 'posix', quota: 10_000 },
      { name: 'own', state: 'active', signs: true, certificates: 1 },
    ]);
    expect(ran.stdout).toContain('CN = plant/pump-1');
    expect(await readFile(join(folder, 'pump-2.svg'), 'utf8')).toMatch(/^<svg /);
  }, 120_000);
});
