/** `tinyfleet device listen`: what a device sends and is sent, decoded, while it happens. The device does not notice. */
import type { Resource } from '@tinyfleet/contracts';
import { Command } from 'commander';
import pc from 'picocolors';
import { duration } from '../arguments.js';
import { parseEvents, pause } from '../events.js';
import { bytes } from '../output/format.js';
import { Session } from '../session.js';

type Heard = Resource<'DeviceListenEvent'>;

const RECONNECT_MS = 1_000;

export function listenCommand(): Command {
  return new Command('listen')
    .description('print what a device sends and is sent, decoded, until Ctrl-C')
    .argument('<name>')
    .option('--raw', 'payloads as hexadecimal instead')
    .option('--for <time>', 'stop after a time such as 30s or 5m', duration('--for', 1, 604_800))
    .addHelpText(
      'after',
      `
Connections, refusals and subscriptions of the device are shown too. Contents of chunks and samples are told by their
size; more messages than the server shows a second are counted. --output json prints one object a line.

Examples:
  $ npx tinyfleet device listen pump-17
  $ npx tinyfleet device listen pump-17 --output json | jq 'select(.name == "telemetry").message'`,
    )
    .action(async (name: string, options: { raw?: boolean; for?: number }, self: Command) => {
      const session = Session.of(self);
      const end = new AbortController();
      const stop = (): void => end.abort();
      process.once('SIGINT', stop);
      const timer = options.for === undefined ? undefined : setTimeout(stop, options.for * 1_000);
      try {
        await listen(session, { name, isRaw: options.raw === true, signal: end.signal });
      } finally {
        clearTimeout(timer);
        process.off('SIGINT', stop);
      }
    });
}

/** Goes on when the server was away for a while; a refusal ends it. @throws ApiError */
async function listen(
  session: Session,
  { name, isRaw, signal }: { name: string; isRaw: boolean; signal: AbortSignal },
): Promise<void> {
  const client = await session.client();
  const params = { project: await session.project(), device: name };
  let wasOpen = false;
  for (;;) {
    try {
      const stream = await client.call('deviceListen', { params, query: { raw: String(isRaw) }, signal });
      if (!wasOpen) session.out.hint(`Listening to ${name}. Ctrl-C ends.`);
      wasOpen = true;
      for await (const { data } of parseEvents(stream)) print(session, data as Heard, isRaw);
    } catch (error) {
      if (signal.aborted) return;
      const isAway = (error as { status?: number }).status === undefined || isTransient(error);
      if (!wasOpen || !isAway) throw error;
    }
    session.out.hint('The stream has ended; trying again.');
    await pause(RECONNECT_MS, signal);
    if (signal.aborted) return;
  }
}

/** The server is not there, or is not ready. */
const isTransient = (error: unknown): boolean =>
  [0, 502, 503, 504].includes((error as { status: number }).status);

function print(session: Session, heard: Heard, isRaw: boolean): void {
  session.out.line(session.globals.output === 'json' ? JSON.stringify(heard) : lineOf(heard, isRaw));
}

/** `16:41:02  up    hello      212 B  {"deviceType":"wasm",...}` */
export function lineOf(heard: Heard, isRaw = false): string {
  const time = pc.dim(heard.at.slice(11, 19));
  const line = (word: string, ...rest: readonly string[]): string =>
    [time, word, ...rest.filter((one) => one !== '')].join('  ');
  switch (heard.kind) {
    case 'message': {
      const { direction, name, message, error, hex } = heard;
      const arrow = direction === 'up' ? pc.green('up  ') : pc.cyan('down');
      const size = bytes(heard.bytes).padStart(8);
      const body = isRaw || message === null ? (hex ?? '') : JSON.stringify(message);
      const problem = error === null ? '' : pc.red(`${error.code}: ${error.reason}`);
      return line(arrow, name.padEnd(9), size, heard.will ? pc.yellow('will') : '', problem, body);
    }
    case 'listening':
      return line(pc.dim('--'), heard.connected ? 'it is connected' : 'it is not connected');
    case 'connected':
      return line(pc.dim('--'), pc.green('connected'), `from ${heard.address} by ${heard.credential}`);
    case 'disconnected':
      return line(pc.dim('--'), pc.yellow('disconnected'));
    case 'subscribed':
      return line(pc.dim('--'), 'subscribed', `${heard.topic} QoS ${heard.qos}`);
    case 'refused': {
      const from = heard.address === null ? '' : `from ${heard.address}`;
      return line(pc.dim('--'), pc.red('refused'), `${heard.code}: ${heard.reason}`, from);
    }
    case 'dropped':
      return line(pc.dim('--'), pc.yellow(`${heard.messages} not shown`), 'more than are shown a second');
    case 'interrupted':
      return line(pc.dim('--'), pc.red('interrupted'), 'the broker does not answer');
  }
}
