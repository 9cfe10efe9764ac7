/** `tinyfleet up`: everything in one process tree. `npm start` builds and then runs this. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { integer } from '../../arguments.js';
import type { Globals } from '../../session.js';
import type { UpFlags } from './options.js';

export function upCommand(): Command {
  return new Command('up')
    .description('start TinyFleet here: database, broker, API, dashboard, compiler and a demo fleet')
    .option('--no-demo', 'without the demo project and its simulated devices')
    .option('--port-offset <n>', 'add to every port', integer('--port-offset', 0, 50_000), 0)
    .option(
      '--http-port <port>',
      'HTTP and MQTT over WebSocket (default 8080; 0: any free)',
      integer('--http-port', 0, 65_535),
    )
    .option('--mqtt-port <port>', 'plain MQTT (default 1883; 0: any free)', integer('--mqtt-port', 0, 65_535))
    .option(
      '--http-tls-port <port>',
      'HTTPS, with --lan (default 8443)',
      integer('--http-tls-port', 0, 65_535),
    )
    .option(
      '--mqtt-tls-port <port>',
      'MQTT over TLS, with --lan (default 8883)',
      integer('--mqtt-tls-port', 0, 65_535),
    )
    .option('--lan', 'open TLS listeners to the network')
    .option('--insecure-mqtt', 'plain MQTT on all addresses: anyone on the network can read it')
    .addHelpText(
      'after',
      `
Examples:
  $ npm start
  $ npm start -- --no-demo --port-offset 100
  $ npx tinyfleet up --data-dir ./fleet-data`,
    )
    .action(async (options: UpFlags, self: Command) => {
      const { dataDir } = self.optsWithGlobals<Globals>();
      const { Supervisor } = await import('./supervisor.js');
      const supervisor = new Supervisor({
        ...options,
        ...(dataDir === undefined ? {} : { dataDir: resolve(dataDir) }),
      });
      process.exitCode = await supervisor.run();
    });
}
