/** What a command works with: the resolved context, a typed client and the way to print. */
import type { Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Command } from 'commander';
import { resolveContext, type Context } from './context.js';
import { Output, type OutputFormat } from './output/output.js';

export interface Globals {
  readonly url?: string;
  readonly token?: string;
  readonly project?: string;
  readonly dataDir?: string;
  readonly output: OutputFormat;
}

export class Session {
  readonly out: Output;
  private cachedContext: Context | undefined;
  private cachedClient: Promise<Client> | undefined;
  private cachedProject: Promise<string> | undefined;

  constructor(readonly globals: Globals) {
    this.out = new Output(globals.output);
  }

  static of(command: Command): Session {
    return new Session(command.optsWithGlobals<Globals>());
  }

  get context(): Context {
    return (this.cachedContext ??= resolveContext(this.globals));
  }

  /** Loaded late: commands without a server start without the schemas. */
  client(): Promise<Client> {
    const { url, token } = this.context;
    return (this.cachedClient ??= import('@tinyfleet/contracts').then(({ createClient }) =>
      createClient({ baseUrl: url, token }),
    ));
  }

  /** The chosen project; with none chosen, the only one there is. @throws cli.no-project */
  project(): Promise<string> {
    return (this.cachedProject ??= this.findProject());
  }

  /** Plain MQTT port of the server: TINYFLEET_MQTT_PORT, else what the server says. */
  async mqttPort(): Promise<number> {
    const named = Number(process.env['TINYFLEET_MQTT_PORT'] ?? 0);
    if (named > 0) return named;
    const { mqttPort } = await (await this.client()).call('deviceEndpointGet');
    return mqttPort ?? 1_883;
  }

  private async findProject(): Promise<string> {
    if (this.context.project !== undefined) return this.context.project;
    const client = await this.client();
    const { items } = await client.call('projectList', { query: { limit: 100 } });
    const [only, ...others] = items.map((project) => project.name);
    if (only !== undefined && others.length === 0) return only;
    const projects = only === undefined ? 'none yet, make one first' : [only, ...others].join(', ');
    throw new FleetError('cli.no-project', { projects });
  }
}

/** Every item of a list route, page by page, at most `limit`. */
export async function all<T>(
  fetchPage: (query: {
    cursor?: string;
    limit: number;
  }) => Promise<{ items: T[]; nextCursor: string | null }>,
  limit = 10_000,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const size = Math.min(500, limit - items.length);
    const page = await fetchPage({ limit: size, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && items.length < limit);
  return items;
}
