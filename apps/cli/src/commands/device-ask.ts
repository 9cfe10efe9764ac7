/** `tinyfleet device ask` and `device commands`: what a device is told to do, and what became of it. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import type { MonitorEdges } from '@tinyfleet/wire';
import { integer, usage } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

type Asked = CallOutput<'deviceCommandSend'>;

interface Shape {
  readonly text: string;
  /** Of its value, when it takes one. */
  readonly value?: { readonly name: string; readonly min: number; readonly max: number };
  readonly isOptional?: true;
  /** Its value is JSON, or @ and a file with it. */
  readonly json?: { readonly name: string; readonly encode: (value: never) => Promise<Uint8Array> };
  /** What is asked before, because it costs something. */
  readonly question?: string;
}
const COMMANDS: Readonly<Record<string, Shape>> = {
  'say-hello': { text: 'report its state now' },
  reboot: { text: 'restart', question: 'Restart' },
  erase: {
    text: 'erase a slot that is not the active one',
    value: { name: 'slot', min: 0, max: 3 },
    question: 'Erase a slot of',
  },
  revert: {
    text: 'go back to the retained model; the value is the error it reports (default 711)',
    value: { name: 'error', min: 0, max: 65_535 },
    isOptional: true,
    question: 'Go back to the older model on',
  },
  abort: {
    text: 'abort the update under way, or the deployment with this number',
    value: { name: 'deployment', min: 0, max: 4_294_967_295 },
    isOptional: true,
    question: 'Abort the update of',
  },
  'set-cadence': {
    text: "time between two inferences in ms, 0: the firmware's own",
    value: { name: 'ms', min: 0, max: 86_400_000 },
  },
  'send-samples': {
    text: 'send so many raw inputs, 0 stops',
    value: { name: 'count', min: 0, max: 65_535 },
  },
  capture: {
    text: 'send doubtful inputs of its own accord: {"bytes": a day, "confidenceBelow", "oodFrom", "batteryPercent"}',
    json: { name: 'rule', encode: async (rule) => (await import('@tinyfleet/wire')).encodeCaptureRule(rule) },
  },
  'set-edges': {
    text: 'summarize other monitors: {"build": 16 hexadecimal digits, "monitors": [{"index", "centre", "edges"}]}',
    json: { name: 'edges', encode: encodeEdges },
  },
  shadow: {
    text: 'run the staged model on every n-th inference, 0 stops',
    value: { name: 'n', min: 0, max: 65_535 },
  },
};

const table = Object.entries(COMMANDS)
  .map(([name, { value, isOptional, json, text }]) => {
    const takes = value ?? json;
    const shown = takes === undefined ? '' : isOptional ? ` [${takes.name}]` : ` <${takes.name}>`;
    return `  ${`${name}${shown}`.padEnd(22)} ${text}`;
  })
  .join('\n');

export function askCommand(): Command {
  return new Command('ask')
    .description('send a command to a device; it is kept while the device is away')
    .argument('<device>')
    .argument('<command>', 'see below')
    .argument('[value]', 'what the command takes')
    .option('--yes', 'do not ask')
    .option('--expires <seconds>', 'give up after this time', integer('--expires', 10, 2_592_000), 86_400)
    .option(
      '--wait <seconds>',
      'wait so long for the device to take it; exit code 1 when it does not',
      integer('--wait', 1, 86_400),
    )
    .addHelpText(
      'after',
      `
Commands:
${table}

Examples:
  $ npx tinyfleet device ask pump-17 reboot
  $ npx tinyfleet device ask pump-17 set-cadence 500 --wait 30
  $ npx tinyfleet device ask pump-17 capture '{"bytes": 20000, "confidenceBelow": 128}'`,
    )
    .action(
      async (
        device: string,
        command: string,
        text: string | undefined,
        options: { yes?: boolean; expires: number; wait?: number },
        self: Command,
      ) => {
        const shape = COMMANDS[command];
        if (!shape) usage(`"${command}" is no command. Commands:\n${table}`);
        const data = await dataOf(command, shape, text);
        const argument = data === undefined ? valueOf(command, shape, text) : undefined;
        const session = Session.of(self);
        const client = await session.client();
        const project = await session.project();
        if (shape.question !== undefined) await confirm(`${shape.question} ${device}?`, options.yes);
        const params = { project, device };
        let asked = await client.call('deviceCommandSend', {
          params,
          body: {
            command: command as Asked['command'],
            ...(argument === undefined ? {} : { argument }),
            ...(data === undefined ? {} : { data: Buffer.from(data).toString('base64') }),
            expiresInSeconds: options.expires,
          },
        });
        const until = Date.now() + (options.wait ?? 0) * 1_000;
        while (isOpen(asked) && Date.now() < until) {
          await new Promise((resolve) => setTimeout(resolve, 250));
          const { items } = await client.call('deviceCommandList', { params, query: { limit: 50 } });
          asked = items.find(({ id }) => id === asked.id) ?? asked;
        }
        session.out.one(asked, () =>
          renderFacts([
            ['device', device],
            ['command', spelled(asked)],
            ['state', state(asked.state)],
            ['kept', asked.isKept ? 'yes: asked again after each boot' : 'no'],
            ['expires', asked.expiresAt],
          ]),
        );
        if (options.wait !== undefined && asked.state !== 'taken') process.exitCode = 1;
        if (isOpen(asked)) session.out.hint(`See what became of it: npx tinyfleet device commands ${device}`);
      },
    );
}

export function commandsCommand(): Command {
  return new Command('commands')
    .description('commands of a device and what became of them, newest first')
    .argument('<device>')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 10_000), 50)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device commands pump-17')
    .action(async (device: string, options: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all(
        (query) => client.call('deviceCommandList', { params: { project, device }, query }),
        options.limit,
      );
      session.out.list(
        items,
        [
          { header: 'command', value: spelled },
          { header: 'state', value: (c) => c.state, text: (c) => state(c.state) },
          { header: 'kept', value: (c) => c.isKept, text: (c) => (c.isKept ? 'yes' : '') },
          { header: 'asked', value: (c) => c.createdAt, text: (c) => ago(c.createdAt) },
          { header: 'by', value: (c) => c.createdBy },
          { header: 'sent', value: (c) => c.sentAt, text: (c) => ago(c.sentAt) },
          { header: 'ended', value: (c) => c.finishedAt, text: (c) => ago(c.finishedAt) },
        ],
        `Nothing was asked yet. npx tinyfleet device ask ${device} say-hello`,
      );
    });
}

const isOpen = ({ state: name }: Asked): boolean => name === 'queued' || name === 'sent';
const spelled = ({ command, argument }: Asked): string =>
  argument === null ? command : `${command} ${argument}`;

async function encodeEdges(value: { build?: unknown; monitors?: unknown }): Promise<Uint8Array> {
  const { build, monitors } = value;
  if (typeof build !== 'string' || !/^[0-9a-f]{16}$/.test(build) || !Array.isArray(monitors))
    usage(
      'set-edges needs "build", the first 16 hexadecimal digits of the bundle\'s digest, and "monitors".',
    );
  const isMonitor = (one: unknown): one is MonitorEdges =>
    typeof one === 'object' && one !== null && Array.isArray((one as Partial<MonitorEdges>).edges);
  if (!monitors.every(isMonitor)) usage('Each of "monitors" needs "index", "centre" and "edges".');
  const { encodeNewEdges } = await import('@tinyfleet/wire');
  return encodeNewEdges(Buffer.from(build, 'hex'), monitors);
}

async function dataOf(
  command: string,
  { json }: Shape,
  text: string | undefined,
): Promise<Uint8Array | undefined> {
  if (json === undefined) return undefined;
  if (text === undefined)
    usage(`${command} needs a value: <${json.name}>, JSON or @ and the name of a file.`);
  const source = text.startsWith('@') ? await readFile(text.slice(1), 'utf8') : text;
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    usage(`<${json.name}> of ${command} is not JSON.`);
  }
  if (typeof value !== 'object' || value === null) usage(`<${json.name}> of ${command} is no JSON object.`);
  return await json.encode(value as never);
}

function valueOf(
  command: string,
  { value, isOptional }: Shape,
  text: string | undefined,
): number | undefined {
  if (value === undefined) return text === undefined ? undefined : usage(`${command} takes no value.`);
  if (text === undefined) return isOptional ? undefined : usage(`${command} needs a value: <${value.name}>.`);
  return integer(`<${value.name}>`, value.min, value.max)(text);
}
