/** `tinyfleet device watch` (what the platform stores of a device) and `listen` (its MQTT topics, decoded). */
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { usage } from '../arguments.js';
import { EventPulse } from '../events.js';
import { plural, state } from '../output/format.js';
import { Session } from '../session.js';
import { askSecret } from './confirm.js';
import { classLabels, classMix } from './class-mix.js';

export function watchCommand(): Command {
  return new Command('watch')
    .description('follow a device: every window and state change, until Ctrl-C')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device watch demo-007')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const params = { project, device: name };
      const { url, token } = session.context;
      let seen = '';
      let lastState = '';
      const labels = new Map<string, string[]>();
      const pulse = new EventPulse({
        url,
        token,
        project,
        names: ['telemetry.committed', 'device.reported', 'deployment.changed', 'presence.changed'],
      });
      try {
        for (;;) {
          const device = await client.call('deviceGet', { params });
          const stateLine = `${device.presence} ${device.updateState ?? '-'} ${device.activeRelease ?? '-'}`;
          if (stateLine !== lastState) {
            lastState = stateLine;
            if (session.globals.output === 'json')
              session.out.line(JSON.stringify({ event: 'state', device }));
            else
              session.out.line(
                `${time()}  ${state(device.presence)}  ${state(device.updateState)}  ${device.activeRelease ?? '-'}`,
              );
          }
          // The last few to begin with, then whatever is new.
          const limit = seen === '' ? 5 : 50;
          const { items } = await client.call('deviceTelemetry', { params, query: { limit } });
          for (const window of items.filter((w) => w.startAt > seen).reverse()) {
            seen = window.startAt;
            if (session.globals.output === 'json') {
              session.out.line(JSON.stringify({ event: 'telemetry', window }));
              continue;
            }
            const release = window.release ?? '';
            if (release !== '' && !labels.has(release))
              labels.set(release, await classLabels(session, release));
            const mix = classMix(window.classCounts, labels.get(release) ?? []);
            session.out.line(
              `${pc.dim(when(window.startAt))}  ${plural(window.n, 'inference')}  ${mix}  ${pc.dim(release)}`,
            );
          }
          await pulse.wait(5_000);
        }
      } finally {
        pulse.close();
      }
    });
}

export function listenCommand(): Command {
  return new Command('listen')
    .description("connect in a device's place and print what the platform sends it, decoded")
    .argument('<name>')
    .option('--device-token <token>', 'token of the device (default: asked for, or from standard input)')
    .option('--mqtt <url>', 'broker (default: MQTT over WebSocket at the server)')
    .addHelpText(
      'after',
      `
The broker has one connection per device: a device that is connected is disconnected by this.

Example:
  $ npx tinyfleet device listen bench-1 --device-token "$TOKEN"`,
    )
    .action(async (name: string, options: { deviceToken?: string; mqtt?: string }, self: Command) => {
      const session = Session.of(self);
      const project = await session.project();
      const token = options.deviceToken ?? (await askSecret(`Token of ${name}: `));
      if (token === '') usage(`A token is needed: \`npx tinyfleet device rotate ${name}\` makes a new one.`);
      const url = options.mqtt ?? `${session.context.url.replace(/^http/, 'ws')}/mqtt`;
      await listen(session, { url, project, device: name, token });
    });
}

async function listen(
  session: Session,
  to: { url: string; project: string; device: string; token: string },
): Promise<void> {
  const [{ connectAsync }, wire] = await Promise.all([import('mqtt'), import('@tinyfleet/wire')]);
  const id = wire.clientId(to);
  let client;
  try {
    client = await connectAsync(to.url, {
      clientId: id,
      username: id,
      password: to.token,
      protocolVersion: 4,
      keepalive: 60,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
    });
  } catch (error) {
    if (/not authorized|bad user/i.test((error as Error).message))
      throw new FleetError('agent.connection-refused');
    throw new FleetError('client.unreachable', { url: to.url });
  }
  await client.subscribeAsync(wire.downFilter(to), { qos: 1 });
  session.out.hint(`Connected as ${id}. Ctrl-C ends.`);
  client.on('message', (topic, payload) => {
    const parsed = wire.tryParseTopic(topic);
    let decoded: unknown;
    try {
      if (parsed?.direction === 'down')
        decoded = wire.messageToJson(parsed.name, wire.decode(parsed.name, payload), 'hex');
    } catch (error) {
      decoded = { error: (error as Error).message, hex: payload.toString('hex') };
    }
    if (session.globals.output === 'json')
      session.out.line(JSON.stringify({ topic, bytes: payload.length, message: decoded }));
    else
      session.out.line(
        `${time()}  ${pc.cyan(parsed?.name ?? topic)}  ${payload.length} B  ${JSON.stringify(decoded)}`,
      );
  });
  await new Promise<void>((resolve, reject) => {
    client.once('close', () => reject(new FleetError('client.unreachable', { url: to.url })));
    process.once('SIGINT', () => {
      client.removeAllListeners('close');
      void client.endAsync().then(resolve, resolve);
    });
  });
}

/** The time, with its day when that is not today (UTC). */
function when(timestamp: string): string {
  const isToday = timestamp.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return isToday ? timestamp.slice(11, 19) : timestamp.slice(0, 16).replace('T', ' ');
}

const time = () => pc.dim(new Date().toISOString().slice(11, 19));
