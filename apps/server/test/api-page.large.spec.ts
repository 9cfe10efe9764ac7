/** docs/api.md, executed: its commands against the whole product. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startProduct, workspaceRoot, type Product } from '@tinyfleet/testing';

let product: Product;
let folder = '';

describe('docs/api.md', () => {
  beforeAll(async () => {
    product = await startProduct({ args: ['--no-demo'] });
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-api-page-'));
  }, 150_000);
  afterAll(async () => {
    await product?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('should work as the page says', async () => {
    const page = await readFile(join(workspaceRoot, 'docs/api.md'), 'utf8');
    const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block).join('\n');
    const script = `set -eu\ncd ${folder}\nnpx tinyfleet project create lab\n${lines}`;
    const ran = await product.shell(
      script.replaceAll('npx tinyfleet', `npx --prefix ${workspaceRoot} tinyfleet`),
    );
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('pump-1,wasm,eu pilot,,,,7');
    const tokens = (await readFile(join(folder, 'tokens.csv'), 'utf8')).trim().split('\r\n');
    expect(tokens.map((line) => line.split(',')[0])).toEqual(['name', 'pump-1', 'pump-2']);
  }, 120_000);
});
