/** The process as controllers see it: its configuration, version, state and readiness. */
import type { Config } from './config.js';
import type { ServerAddress } from '@tinyfleet/registry';
import { describeConfig } from './config.js';

export type ServerState = 'starting' | 'ready' | 'stopping';
export interface Readiness {
  readonly ready: boolean;
  readonly state: ServerState;
  /** Name of a part -> 'ok' or why not. */
  readonly checks: Readonly<Record<string, string>>;
}
type Check = () => Promise<void> | void;

/** A check that hangs is a failed one. */
const CHECK_TIMEOUT_MS = 2_000;

export class Server {
  state: ServerState = 'starting';
  /** Where devices and people find it; known when the ports are open. */
  address: ServerAddress = { url: '', authorityFingerprint: undefined };
  private readonly checks = new Map<string, Check>();

  constructor(
    readonly config: Config,
    readonly version: string,
  ) {}

  /** Origin of the address that users type, when a proxy stands in front. */
  get publicOrigin(): string | undefined {
    const url = this.config['http.publicUrl'];
    return url === undefined ? undefined : new URL(url).origin;
  }

  addCheck(name: string, check: Check): void {
    this.checks.set(name, check);
  }

  async readiness(): Promise<Readiness> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await outcome(check)] as const),
    );
    const checks = Object.fromEntries(results);
    const ready = this.state === 'ready' && results.every(([, result]) => result === 'ok');
    return { ready, state: this.state, checks };
  }

  describeConfig(): Record<string, unknown> {
    return describeConfig(this.config);
  }
}

async function outcome(check: Check): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      check(),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
      }),
    ]);
    return 'ok';
  } catch (error) {
    return (error as Error).message;
  } finally {
    clearTimeout(timer);
  }
}
