// How the modem of a device beside the platform reaches the broker that its parameters name.
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { DeviceParameters } from '@tinyfleet/wire';

/** The modem's call to the broker; TLS is the modem's, as with those that do it in their firmware. */
export function dialBroker({
  brokerHost: host,
  brokerPort: port,
  tls,
  authority,
  certificate,
  privateKey,
}: DeviceParameters): Duplex {
  if (!tls) return connect({ host, port, noDelay: true });
  const trust = authority === undefined ? {} : { ca: authority };
  const own = certificate === undefined ? {} : { cert: certificate, key: privateKey };
  return connectTls({ host, port, servername: host, ...trust, ...own });
}
