/**
 * `tinyfleet complete`: what the completion scripts ask when a word is no command and no option. Names come from the
 * server; where it does not answer at once there is nothing to offer, and never an error on the terminal.
 */
import type { Client } from '@tinyfleet/contracts';
import { completeFilter, type FilterField } from '@tinyfleet/filter';
import { Command, type Option } from 'commander';
import { Session } from '../session.js';

const PATIENCE_MS = 2_000;
const MOST = 100;

type Names = (project: () => Promise<string>, prefix: string) => Promise<{ items: { name: string }[] }>;
type Source =
  'devices' | 'groups' | 'types' | 'projects' | 'models' | 'firmware' | 'webhooks' | 'tokens' | 'releases';

/** What the arguments of a group's commands name; not of those that make something. */
const ARGUMENTS: Readonly<Record<string, readonly Source[]>> = {
  'context use': ['projects'],
  device: ['devices'],
  'device-type': ['types'],
  flash: ['devices'],
  group: ['groups'],
  'group add': ['groups', 'devices'],
  'group remove': ['groups', 'devices'],
  model: ['models'],
  firmware: ['firmware'],
  project: ['projects'],
  release: ['releases'],
  'quality compare': ['releases'],
  'rollout plan': ['releases'],
  'rollout start': ['releases'],
  token: ['tokens'],
  'update-rule': ['devices'],
  'update-rule pin': ['devices', 'releases'],
  webhook: ['webhooks'],
};
const MAKING = new Set(['add', 'create', 'import', 'export']);
const OPTIONS: Readonly<Record<string, Source | 'filter'>> = {
  '--add-to-group': 'groups',
  '--against': 'filter',
  '--against-release': 'releases',
  '--device': 'devices',
  '--filter': 'filter',
  '--for': 'types',
  '--only-project': 'projects',
  '--project': 'projects',
  '--release': 'releases',
  '--remove-from-group': 'groups',
  '--to-group': 'groups',
  '--type': 'types',
};
const FILTER_VALUES: Partial<Record<string, Source>> = { group: 'groups', name: 'devices', type: 'types' };

export function completeCommand(): Command {
  return new Command('complete')
    .description('what may be typed next, one a line: for completion scripts')
    .argument('[words...]', 'behind `tinyfleet`, the last one unfinished')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet complete -- device show pu')
    .action(async (words: string[], _options, self: Command) => {
      let root: Command = self;
      while (root.parent) root = root.parent;
      const found = await candidates(root, words).catch(() => []);
      if (found.length > 0) process.stdout.write(`${found.join('\n')}\n`);
    });
}

async function candidates(root: Command, words: readonly string[]): Promise<string[]> {
  const current = (words.at(-1) ?? '').replace(/^["']/, '');
  const place = placeOf(root, words.slice(0, -1));
  if (place.choices) return place.choices.filter((choice) => choice.startsWith(current));
  const { source } = place;
  if (source === undefined) return [];
  if (source !== 'filter') return await namesOf(place.globals, source, current);
  const { from, options, valuesOf } = completeFilter(current, current.length);
  const before = current.slice(0, from);
  const values = valuesOf && valueSource(valuesOf);
  const names = values === undefined ? [] : await namesOf(place.globals, values, current.slice(from));
  return [...options.map(({ text }) => text), ...names].map((text) => before + text);
}

const valueSource = (field: FilterField): Source | undefined =>
  typeof field === 'string' ? FILTER_VALUES[field] : undefined;

interface Place {
  readonly source?: Source | 'filter' | undefined;
  readonly choices?: readonly string[] | undefined;
  /** --url and the like that stand before. */
  readonly globals: Record<string, string>;
}

/** What stands at the end of the words: the value of an option, or an argument of the command they name. */
function placeOf(root: Command, words: readonly string[]): Place {
  const globals: Record<string, string> = {};
  let command = root;
  const path: string[] = [];
  let arguments_ = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word.startsWith('-')) {
      const option = optionOf(root, command, word);
      if (!option || (!option.required && !option.optional) || word.includes('=')) continue;
      const value = words[++i];
      if (value === undefined) return { ...valueOf(option, path), globals };
      if (root.options.includes(option)) globals[option.attributeName()] = value;
      continue;
    }
    const child = command.commands.find((one) => one.name() === word);
    if (child === undefined) arguments_++;
    else {
      command = child;
      path.push(word);
      arguments_ = 0;
    }
  }
  const argument = command.registeredArguments[Math.min(arguments_, command.registeredArguments.length - 1)];
  const isMore = arguments_ >= command.registeredArguments.length && argument?.variadic !== true;
  if (argument === undefined || isMore) return { globals };
  if (argument.argChoices) return { choices: argument.argChoices, globals };
  const known =
    ARGUMENTS[path.join(' ')] ?? (MAKING.has(path[1] ?? '') ? undefined : ARGUMENTS[path[0] ?? '']);
  return { source: known?.[arguments_] ?? (argument.variadic ? known?.at(-1) : undefined), globals };
}

function optionOf(root: Command, command: Command, word: string): Option | undefined {
  const [name] = word.split('=');
  return [...command.options, ...root.options].find(({ long, short }) => long === name || short === name);
}

function valueOf(option: Option, path: readonly string[]): Omit<Place, 'globals'> {
  if (option.argChoices) return { choices: option.argChoices };
  const isTarget = option.long === '--to' && /^rollout (plan|start)$/.test(path.join(' '));
  return { source: isTarget ? 'filter' : OPTIONS[option.long ?? ''] };
}

async function namesOf(globals: Record<string, string>, source: Source, prefix: string): Promise<string[]> {
  const session = new Session({ ...globals, output: 'json' });
  const client = await session.client();
  const { items } = await lists(client)[source](() => session.project(), prefix);
  return items.map(({ name }) => name).filter((name) => name.startsWith(prefix));
}

function lists(client: Client): Readonly<Record<Source, Names>> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const query = { limit: MOST };
  return {
    devices: async (project, prefix) => {
      // A prefix of a name is plain; anything else is no device's.
      const filter = /^[a-z0-9._-]*$/.test(prefix) ? `name = "${prefix}*"` : 'name = ""';
      const params = { project: await project() };
      return await client.call('deviceList', { params, query: { ...query, filter }, signal });
    },
    groups: async (project) =>
      await client.call('groupList', { params: { project: await project() }, query, signal }),
    types: async (project) =>
      await client.call('deviceTypeList', { params: { project: await project() }, signal }),
    projects: async () => await client.call('projectList', { query, signal }),
    firmware: async (project) =>
      await client.call('firmwareList', { params: { project: await project() }, query, signal }),
    models: async (project) =>
      await client.call('modelList', { params: { project: await project() }, query, signal }),
    webhooks: async (project) =>
      await client.call('webhookList', { params: { project: await project() }, query, signal }),
    tokens: async () => await client.call('tokenList', { signal }),
    releases: async (project) => {
      const { items } = await client.call('releaseList', {
        params: { project: await project() },
        query,
        signal,
      });
      return { items: items.map(({ model, version }) => ({ name: `${model}@${version}` })) };
    },
  };
}
