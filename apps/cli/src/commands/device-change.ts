/** `tinyfleet device update|suspend|resume|retire`: one device by name, or all that match a filter. */
import { Command } from 'commander';
import { commaList, usage } from '../arguments.js';
import { state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';
import { runBulk, type BulkChangeInput } from './device-bulk.js';

interface UpdateOptions {
  readonly filter?: string;
  readonly tag?: string[];
  readonly untag?: string[];
  readonly site?: string;
  readonly hardwareRevision?: string;
  readonly notes?: string;
  readonly location?: string;
  readonly set: Record<string, string | number | boolean | null>;
  readonly unset: string[];
  readonly addToGroup?: string;
  readonly removeFromGroup?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const assign = (text: string, before: UpdateOptions['set']): UpdateOptions['set'] => {
  const at = text.indexOf('=');
  if (at <= 0) usage(`"${text}" is not KEY=VALUE, such as owner=ann or cost=4.`);
  return { ...before, [text.slice(0, at)]: valueOf(text.slice(at + 1)) };
};
/** As in filters: 4 is a number, true a boolean, "4" a text. */
function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return /^".*"$/s.test(text) ? text.slice(1, -1) : text;
}
const collect = (text: string, before: string[]): string[] => [...before, text];

export function updateCommand(): Command {
  return new Command('update')
    .description('change what is noted about a device, or about all that match a filter')
    .argument('[name]', 'a device; without it --filter')
    .option('--filter <expression>', 'all devices that match')
    .option('--tag <list>', 'add tags, comma separated', commaList)
    .option('--untag <list>', 'take tags away, comma separated', commaList)
    .option('--site <name>', 'where it stands; "" for nowhere')
    .option('--hardware-revision <text>', 'revision of its board')
    .option('--notes <text>', 'notes')
    .option('--location <place>', 'in words, or LATITUDE,LONGITUDE[,words]; "" for none')
    .option('--set <key=value>', 'set a desired attribute; may be repeated', assign, {})
    .option('--unset <key>', 'remove a desired attribute; may be repeated', collect, [])
    .option('--add-to-group <name>', 'put it into a static group')
    .option('--remove-from-group <name>', 'take it out of a static group')
    .option('--dry-run', 'count, and change nothing')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet device update pump-17 --site hall-2 --set owner=ann
  $ npx tinyfleet device update --filter 'site = "hall-2"' --tag late --dry-run`,
    )
    .action(async (name: string | undefined, options: UpdateOptions, self: Command) => {
      const change = changeOf(options);
      if (Object.keys(change).length === 0)
        usage('Name what to change, such as --tag or --site; see --help.');
      await runBulk(Session.of(self), { name, ...options, change, what: 'Change' });
    });
}

function changeOf(options: UpdateOptions): BulkChangeInput {
  const { tag, untag, site, hardwareRevision, notes, location, set, unset, addToGroup, removeFromGroup } =
    options;
  const desired = { ...set, ...Object.fromEntries(unset.map((key) => [key, null])) };
  return {
    ...(tag === undefined ? {} : { tag }),
    ...(untag === undefined ? {} : { untag }),
    ...(site === undefined ? {} : { site: site === '' ? null : site }),
    ...(hardwareRevision === undefined ? {} : { hardwareRevision: hardwareRevision || null }),
    ...(notes === undefined ? {} : { notes }),
    ...(location === undefined ? {} : { location: placeOf(location) }),
    ...(Object.keys(desired).length === 0 ? {} : { desired }),
    ...(addToGroup === undefined ? {} : { addToGroup }),
    ...(removeFromGroup === undefined ? {} : { removeFromGroup }),
  };
}

function placeOf(text: string): BulkChangeInput['location'] {
  if (text === '') return null;
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*(?:,\s*(.*))?$/s.exec(text);
  if (!match) return { text };
  return { latitude: Number(match[1]), longitude: Number(match[2]), text: match[3] ?? '' };
}

const MOVES = {
  suspend: {
    route: 'deviceSuspend',
    about: 'refuse connections until resumed; the live one drops',
    asks: false,
  },
  resume: { route: 'deviceResume', about: 'let suspended devices connect again', asks: false },
  retire: {
    route: 'deviceRetire',
    about: 'take credentials away for good; name and history stay',
    asks: true,
  },
} as const;

export function moveCommands(): Command[] {
  return (Object.keys(MOVES) as (keyof typeof MOVES)[]).map((move) => {
    const { route, about, asks } = MOVES[move];
    return new Command(move)
      .description(about)
      .argument('[name]', 'a device; without it --filter')
      .option('--filter <expression>', 'all devices that match')
      .option('--dry-run', 'count, and change nothing')
      .option('--yes', 'do not ask')
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet device ${move} pump-17`)
      .action(
        async (
          name: string | undefined,
          options: { filter?: string; dryRun?: boolean; yes?: boolean },
          self: Command,
        ) => {
          const session = Session.of(self);
          const what = `${move.charAt(0).toUpperCase()}${move.slice(1)}`;
          if (name === undefined || options.dryRun === true) {
            await runBulk(session, { name, ...options, change: { state: move }, what });
            return;
          }
          if (options.filter !== undefined) usage('Give a name or --filter, not both.');
          const client = await session.client();
          const project = await session.project();
          if (asks) await confirm(`${what} device ${name} of ${project} for good?`, options.yes);
          const device = await client.call(route, { params: { project, device: name } });
          session.out.one(device, () =>
            renderFacts([
              ['device', `${project}/${device.name}`],
              ['state', state(device.state)],
            ]),
          );
        },
      );
  });
}
