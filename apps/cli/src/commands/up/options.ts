/** Flags of `tinyfleet up` as the server's environment: the server has one way of being configured. */
import { usage } from '../../arguments.js';

export interface UpFlags {
  readonly demo: boolean;
  readonly portOffset: number;
  readonly lan?: boolean;
  readonly insecureMqtt?: boolean;
  readonly httpPort?: number;
  readonly mqttPort?: number;
  readonly httpTlsPort?: number;
  readonly mqttTlsPort?: number;
  /** Absolute. */
  readonly dataDir?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORTS = { http: 8_080, httpTls: 8_443, mqtt: 1_883, mqttTls: 8_883 } as const;

/** @throws cli.usage when a port leaves 1..65535 */
export function serverEnvironment(flags: UpFlags, env: Env = process.env): Record<string, string> {
  const out: Record<string, string> = {};
  const port = (variable: string, flag: number | undefined, initial: number) => {
    if (flag !== undefined) {
      out[variable] = String(flag);
      return;
    }
    if (flags.portOffset === 0) return;
    const base = Number(env[variable] || initial);
    const moved = base === 0 ? 0 : base + flags.portOffset;
    if (moved < 0 || moved > 65_535)
      usage(`--port-offset ${flags.portOffset} moves port ${base} out of range.`);
    out[variable] = String(moved);
  };
  port('TINYFLEET_HTTP_PORT', flags.httpPort, DEFAULT_PORTS.http);
  port('TINYFLEET_HTTP_TLS_PORT', flags.httpTlsPort, DEFAULT_PORTS.httpTls);
  port('TINYFLEET_MQTT_PORT', flags.mqttPort, DEFAULT_PORTS.mqtt);
  port('TINYFLEET_MQTT_TLS_PORT', flags.mqttTlsPort, DEFAULT_PORTS.mqttTls);
  if (flags.lan === true) out['TINYFLEET_LAN'] = 'true';
  if (flags.insecureMqtt === true) {
    out['TINYFLEET_INSECURE_MQTT'] = 'true';
    // The flag asks for it; an address that was set before stays.
    out['TINYFLEET_MQTT_HOST'] = env['TINYFLEET_MQTT_HOST'] || '0.0.0.0';
  }
  if (flags.dataDir !== undefined) out['TINYFLEET_DATA_DIR'] = flags.dataDir;
  return out;
}
