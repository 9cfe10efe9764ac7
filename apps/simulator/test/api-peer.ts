// The routes of the HTTP API that a simulation calls, for its own tests. Answers from memory, keeps what was posted.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PostedLabel {
  readonly device: string;
  readonly bootId: string;
  readonly inferenceIndex: number;
  readonly label: string;
}

export class ApiPeer {
  readonly labels: PostedLabel[] = [];
  readonly registered: string[] = [];
  readonly renewed: string[] = [];
  projectExists = true;
  private readonly server: Server;

  constructor(
    private readonly publicKeyHex: string,
    private readonly deviceToken: string,
  ) {
    this.server = createServer((request, response) => {
      void this.answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const path = new URL(request.url!, 'http://peer').pathname.replace('/api/v1/projects/demo', '');
    const items = (list: unknown[]) => ({ status: 200, body: { items: list, nextCursor: null } });
    const device = (name: string) => ({
      device: { name },
      token: this.deviceToken,
      mqttUsername: `demo/${name}`,
    });
    if (!this.projectExists)
      return { status: 404, body: { code: 'registry.project-not-found', detail: 'gone' } };
    switch (`${request.method} ${path.replace(/^\/devices\/[^/]+\/token$/, '/devices/:device/token')}`) {
      case 'GET ':
        return { status: 200, body: { name: 'demo', pickEvery: 5, windowSeconds: 1 } };
      case 'GET /signing-keys':
        return items([{ publicKeyHex: this.publicKeyHex }]);
      case 'GET /device-types':
        return items([
          {
            name: 'wasm',
            slotBytes: 65_536,
            arenaBytes: 65_536,
            stateBytes: 1_024,
            sectorBytes: 4_096,
            programUnitBytes: 4,
          },
        ]);
      case 'GET /devices':
        return items(this.registered.map((name) => ({ name })));
      case 'POST /devices/bulk': {
        const { devices } = (await json(request)) as { devices: { name: string }[] };
        this.registered.push(...devices.map(({ name }) => name));
        return { status: 201, body: { items: devices.map(({ name }) => device(name)) } };
      }
      case 'POST /devices/:device/token': {
        const name = path.split('/')[2]!;
        this.renewed.push(name);
        return { status: 201, body: device(name) };
      }
      case 'POST /labels': {
        const { labels } = (await json(request)) as { labels: PostedLabel[] };
        this.labels.push(...labels);
        return { status: 201, body: { accepted: labels.length, duplicates: 0 } };
      }
      default:
        return { status: 404, body: { code: 'server.not-found', detail: path } };
    }
  }
}

async function json(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}
