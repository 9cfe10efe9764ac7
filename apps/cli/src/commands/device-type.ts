/** `tinyfleet device-type`: the hardware profiles; own ones are made, copied, changed and removed. */
import type { Resource } from '@tinyfleet/contracts';
import { Command } from 'commander';
import pc from 'picocolors';
import { commaList, integer, readInput, usage } from '../arguments.js';
import { bytes } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

type DeviceType = Resource<'DeviceType'>;
type Patch = Resource<'DeviceTypePatch'>;

export function deviceTypeCommand(): Command {
  const command = new Command('device-type').description('Hardware profiles that models are built for');

  command
    .command('list')
    .description('built-in and own device types')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device-type list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all(() => client.call('deviceTypeList', { params: { project } }));
      session.out.list(items, [
        { header: 'name', value: (t) => t.name },
        { header: 'core', value: (t) => t.core },
        { header: 'MHz', value: (t) => Math.round(t.clockHz / 1e6) },
        { header: 'slot', value: (t) => t.slotBytes, text: (t) => bytes(t.slotBytes) },
        { header: 'arena', value: (t) => t.arenaBytes, text: (t) => bytes(t.arenaBytes) },
        { header: 'abi', value: (t) => t.abi },
        { header: 'made by', value: (t) => (t.builtIn ? 'TinyFleet' : 'this project') },
        { header: 'title', value: (t) => t.title },
      ]);
    });

  command
    .command('show')
    .description('one device type: its figures, what they are from, and the ops of its firmware')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device-type show qemu-m4')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), deviceType: name };
      const type = await client.call('deviceTypeGet', { params });
      session.out.one(type, () => factsOf(type));
    });

  figures(command.command('add'))
    .description('make a device type, from a file or as a copy of another')
    .argument('<name>', 'a-z 0-9 . _ -')
    .option('--like <name>', 'begin with the figures of this type')
    .option('--file <path>', 'begin with the figures in this file: JSON as `show --output json` prints it')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet device-type add my-board --like nucleo-l4r5zi --arena 262144',
    )
    .action(
      async (name: string, options: FigureOptions & { like?: string; file?: string }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const project = await session.project();
        if ((options.like === undefined) === (options.file === undefined))
          usage('Say what to begin with: --like NAME or --file PATH.');
        const from =
          options.like !== undefined
            ? await client.call('deviceTypeGet', { params: { project, deviceType: options.like } })
            : (readJson(options.file!) as DeviceType);
        const { builtIn: _, revision: __, ...spec } = from;
        const changed = patchOf(options, from);
        const sources = { ...spec.sources, ...sourcesOf(changed, options.source) };
        const body = { ...spec, ...changed, sources, name };
        const made = await client.call('deviceTypeCreate', { params: { project }, body });
        session.out.one(made, () => factsOf(made));
      },
    );

  figures(command.command('update'))
    .description('change a device type of this project')
    .argument('<name>')
    .option('--if-revision <n>', 'only when nobody changed it since', integer('--if-revision', 1, 2 ** 31))
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device-type update my-board --slot 524288')
    .action(async (name: string, options: FigureOptions & { ifRevision?: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), deviceType: name };
      const before = await client.call('deviceTypeGet', { params });
      const changed = patchOf(options, before);
      if (Object.keys(changed).length === 0) usage('Say what to change; --help lists it.');
      const sources = { ...before.sources, ...sourcesOf(changed, options.source) };
      const type = await client.call('deviceTypeUpdate', {
        params,
        body: { ...changed, sources },
        headers: { 'if-match': `"${options.ifRevision ?? before.revision}"` },
      });
      session.out.one(type, () => factsOf(type));
    });

  command
    .command('remove')
    .description('remove a device type of this project that nothing uses')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device-type remove my-board')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Remove device type ${name} from ${project}?`, options.yes);
      await client.call('deviceTypeDelete', { params: { project, deviceType: name } });
      session.out.one({ removed: name }, () => `${pc.green('removed')}  device type ${name}`);
    });

  return command;
}

interface FigureOptions {
  readonly title?: string;
  readonly core?: string;
  readonly mhz?: number;
  readonly flash?: number;
  readonly ram?: number;
  readonly slot?: number;
  readonly arena?: number;
  readonly state?: number;
  readonly page?: number;
  readonly programUnit?: number;
  readonly features?: string[];
  readonly abi?: string;
  readonly addOps?: string[];
  readonly removeOps?: string[];
  readonly source?: string;
}

function figures(command: Command): Command {
  const size = (flag: string) => integer(flag, 0, 2 ** 40);
  return command
    .option('--title <words>', 'shown beside the name')
    .option('--core <name>', 'cortex-m4f, riscv32, ...: see `list`')
    .option('--mhz <n>', 'clock', integer('--mhz', 1, 100_000))
    .option('--flash <bytes>', 'flash', size('--flash'))
    .option('--ram <bytes>', 'RAM', size('--ram'))
    .option('--slot <bytes>', 'one model slot; there are two', size('--slot'))
    .option('--arena <bytes>', 'memory of one inference', size('--arena'))
    .option('--state <bytes>', 'memory that outlives it', size('--state'))
    .option('--page <bytes>', 'flash page that is erased at once', size('--page'))
    .option('--program-unit <bytes>', 'flash that is written at once', size('--program-unit'))
    .option('--features <list>', 'of dsp, fpu, mve', commaList)
    .option('--abi <version>', 'runtime ABI of its firmware')
    .option('--add-ops <list>', 'ops that its firmware has too, NAME or NAME:VERSION', commaList)
    .option('--remove-ops <list>', 'ops that its firmware lacks', commaList)
    .option('--source <words>', 'document of the figures given here');
}

const FIGURES = {
  title: 'title',
  core: 'core',
  flash: 'flashBytes',
  ram: 'ramBytes',
  slot: 'slotBytes',
  arena: 'arenaBytes',
  state: 'stateBytes',
  page: 'sectorBytes',
  programUnit: 'programUnitBytes',
  features: 'features',
  abi: 'abi',
} as const satisfies Partial<Record<keyof FigureOptions, keyof Patch>>;

function patchOf(options: FigureOptions, { ops }: DeviceType): Patch {
  const given = Object.entries(FIGURES).flatMap(([option, field]) => {
    const value = options[option as keyof FigureOptions];
    return value === undefined ? [] : [[field, value] as const];
  });
  return {
    ...(Object.fromEntries(given) as Patch),
    ...(options.mhz === undefined ? {} : { clockHz: options.mhz * 1e6 }),
    ...(options.addOps || options.removeOps ? { ops: opsOf(ops, options) } : {}),
    ...(options.source === undefined ? {} : { source: options.source }),
  };
}

function opsOf(ops: DeviceType['ops'], { addOps = [], removeOps = [] }: FigureOptions): DeviceType['ops'] {
  const added = addOps.map((text) => {
    const [name = '', version = '1'] = text.split(':');
    return [name, integer('The version of an op', 1, 255)(version)] as const;
  });
  const rest = Object.entries(ops).filter(([name]) => !removeOps.includes(name));
  return Object.fromEntries([...rest, ...added]);
}

/** What is given here has no other source than the one given with it. */
function sourcesOf(changed: Patch, source: string | undefined): NonNullable<DeviceType['sources']> {
  const from = source ?? 'this project';
  return Object.fromEntries(
    Object.keys(changed)
      .filter((field) => /Bytes$|^(core|clockHz|features)$/.test(field))
      .map((field) => [field, { from, checked: source !== undefined }]),
  );
}

function factsOf(type: DeviceType): string {
  const { sources = {} } = type;
  const from = (figure: keyof typeof sources): string => {
    const source = sources[figure];
    if (source === undefined) return '';
    return pc.dim(`  ${source.from}${source.checked ? '' : ' (not looked up)'}`);
  };
  const versions = Object.entries(type.ops).map(([name, version]) =>
    version === 1 ? name : `${name}:${version}`,
  );
  return renderFacts([
    ['name', type.name],
    ['title', type.title],
    ['core', type.core + from('core')],
    ['clock', `${Math.round(type.clockHz / 1e6)} MHz${from('clockHz')}`],
    ['flash', bytes(type.flashBytes) + from('flashBytes')],
    ['RAM', bytes(type.ramBytes) + from('ramBytes')],
    ['flash page', bytes(type.sectorBytes) + from('sectorBytes')],
    ['written in', bytes(type.programUnitBytes) + from('programUnitBytes')],
    ['computes with', ((type.features ?? []).join(', ') || 'integers') + from('features')],
    ['model slot', bytes(type.slotBytes) + from('slotBytes')],
    ['arena', bytes(type.arenaBytes) + from('arenaBytes')],
    ['state', bytes(type.stateBytes) + from('stateBytes')],
    ['runtime ABI', type.abi],
    ['ops', `${versions.length}: ${versions.join(' ')}`],
    ['made by', type.builtIn ? 'TinyFleet' : `this project, revision ${type.revision}`],
    ...(type.sources === undefined ? [['figures from', type.source] as const] : []),
  ]);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readInput(path).toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return usage(`${path} is not JSON: ${error.message}.`);
  }
}
