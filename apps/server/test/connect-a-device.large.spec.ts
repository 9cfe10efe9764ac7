/** docs/connect-a-device.md, executed: a device played by hand with a client that is not ours, over TCP and over TLS. */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createClient, type Client } from '@tinyfleet/contracts';
import { describeWith, startProduct, tinyfleetBin, workspaceRoot, type Product } from '@tinyfleet/testing';

let product: Product;
let client: Client;
let folder = '';

/** The blocks of the page marked so, as one script for the product's own ports. */
async function script(mark: string, name = 'connect-a-device'): Promise<string> {
  const page = await readFile(join(workspaceRoot, `docs/${name}.md`), 'utf8');
  const blocks = page.matchAll(
    new RegExp(`<!-- executed: ${mark} -->\\s+\`\`\`sh\\n([\\s\\S]*?)\`\`\``, 'g'),
  );
  const lines = [...blocks].map(([, block]) => block).join('\n');
  const port = (scheme: string) =>
    new RegExp(`${scheme}://[^\\s:]+:(\\d+)`).exec(product.output())?.[1] ?? 'missing';
  return `set -eu\ncd ${folder}\n${lines}`
    .replaceAll('-p 1883', `-p ${port('mqtt')}`)
    .replaceAll('-p 8883', `-p ${port('mqtts')}`)
    .replaceAll('npx tinyfleet', tinyfleetBin);
}

const deviceOf = (device: string) => client.call('deviceGet', { params: { project: 'lab', device } });

describeWith(['mosquitto_pub'], 'connecting a device by hand', () => {
  beforeAll(async () => {
    product = await startProduct({
      args: ['--no-demo', '--lan'],
      env: { TINYFLEET_MQTT_TLS_PORT: '0', TINYFLEET_HTTP_TLS_PORT: '0' },
    });
    client = createClient({ baseUrl: product.url, token: product.token });
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-by-hand-'));
  }, 150_000);

  afterAll(async () => {
    await product?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('should work as the page says', async () => {
    const ran = await product.shell(await script('connect'));
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(await deviceOf('pump-1')).toMatchObject({ firmwareVersion: '1.0.0', abi: '1.0', state: 'active' });
    const windows = await client.call('deviceTelemetry', {
      params: { project: 'lab', device: 'pump-1' },
      query: {},
    });
    expect(windows.items).toMatchObject([{ n: 10 }]);
  }, 60_000);

  it('should make a device type and listen as the page of devices says', async () => {
    const ran = await product.shell(await script('types', 'devices'));
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('BLE front end');
    const heard = await product.shell(await script('listen', 'devices'));
    expect({ code: heard.code, stderr: heard.stderr }).toMatchObject({ code: 0 });
    expect(heard.stdout).toContain('"kind":"listening"');
  }, 60_000);

  it('should work over TLS with the authority of this instance', async () => {
    await copyFile(join(product.dataDir, 'tls/authority.pem'), join(folder, 'authority.pem'));
    const ran = await product.shell(`SERVER=localhost\n${await script('lan')}`);
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(await deviceOf('board-1')).toMatchObject({ firmwareVersion: '1.0.0' });
  }, 60_000);
});
