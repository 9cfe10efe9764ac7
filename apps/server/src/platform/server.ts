/** The process as controllers see it: its configuration, version, state and readiness. */
import type { Config } from './config.js';
import type { ServerAddress } from '@tinyfleet/registry';
import { describeConfig } from './config.js';

export type ServerState = 'starting' | 'ready' | 'stopping';
export interface Readiness {
  readonly ready: boolean;
  readonly state: ServerState;
  /** Of the product. */
  readonly version: string;
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
  /** As opened by this process. One without the role is told by its configuration. */
  private mqtt: Readonly<Record<string, string>> | undefined;
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

  /** @param addresses URL by scheme, `mqtt` and `mqtts`; empty without the role that opens them */
  opened(addresses: Readonly<Record<string, string>>): void {
    if (Object.keys(addresses).length > 0) this.mqtt = addresses;
  }

  get devicePorts(): { mqttPort: number | null; mqttsPort: number | null } {
    const portOf = (scheme: string) => Number(new URL(this.mqtt?.[scheme] ?? 'mqtt:0').port) || null;
    if (this.mqtt !== undefined) return { mqttPort: portOf('mqtt'), mqttsPort: portOf('mqtts') };
    const { lan } = this.config;
    return {
      mqttPort: this.config['mqtt.port'] || null,
      mqttsPort: lan ? this.config['mqtt.tlsPort'] || null : null,
    };
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
    return { ready, state: this.state, version: this.version, checks };
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
