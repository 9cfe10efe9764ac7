/** `tinyfleet flash`: identity, credentials and flash image of a device that runs beside the platform or on a board. */
import { constants, readFileSync } from 'node:fs';
import { access, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { DeviceRunner, ImageIdentity } from '@tinyfleet/firmware';
import type { DeviceParameters, SensorDescriptor } from '@tinyfleet/wire';
import { Command } from 'commander';
import pc from 'picocolors';
import { commaList, integer, releaseRef, usage } from '../arguments.js';
import { bytes } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { dataDir, workspaceRoot } from '../paths.js';
import { Session } from '../session.js';

interface FlashOptions {
  type?: string;
  tags?: string[];
  out?: string;
  broker?: string;
  tls?: boolean;
  ca?: string;
  bundle?: string;
  sequence?: number;
  release?: string;
  period?: number;
  sensor: SensorDescriptor[];
  force?: boolean;
}
/** 32 bytes in base64url. */
const TOKEN_CHARACTERS = 43;

type DeviceType = CallOutput<'deviceTypeList'>['items'][number];

export function flashCommand(): Command {
  return new Command('flash')
    .description('write identity, credentials and flash image of a device')
    .argument('<device>', 'registered here when it is new; one that exists gets a new token')
    .option('--type <name>', 'device type, for a new device')
    .option('--tags <list>', 'comma separated, for a new device', commaList)
    .option('--out <folder>', 'where the image lies (default: a folder with the name of the device)')
    .option('--broker <host:port>', "default: the server's")
    .option('--tls', 'connect by TLS; the port is then 8883 unless --broker tells another')
    .option('--ca <file>', "PEM, the broker's authority (default: the local server's own, else the system's)")
    .option('--release <name@version>', 'come with the bundle of this release')
    .option('--bundle <file>', 'come with this bundle')
    .option(
      '--sequence <n>',
      'release sequence of --bundle (default 0)',
      integer('--sequence', 0, 0xffff_fffe),
    )
    .option('--period <ms>', 'time between two inferences (default 1000)', integer('--period', 1, 86_400_000))
    .option('--sensor <list>', 'kind:axes:unit:full-scale:Hz, such as accelerometer:3:g:16:800', sensor, [])
    .option('--force', 'write over the parameters of a folder; what is in its flash stays')
    .addHelpText(
      'after',
      `
The folder holds secrets and is readable by you only. On a board of your own, its file "parameters" goes into the
flash sector that your port reads it from (docs/porting-agent.md).

Examples:
  $ npx tinyfleet flash gateway-1 --type posix
  $ npx tinyfleet flash gateway-1 --type posix --tls --release kws@1.1.0 --out /srv/gateway-1`,
    )
    .action(async (name: string, options: FlashOptions, self: Command) => {
      const session = Session.of(self);
      const { parametersOf, writeParameters, holdsDevice, RUNNERS } = await import('@tinyfleet/firmware');
      const folder = resolve(options.out ?? name);
      if ((await holdsDevice(folder)) && options.force !== true)
        throw new FleetError('cli.file-exists', { path: join(folder, 'parameters') });
      const client = await session.client();
      const project = await session.project();
      // All that can be refused is looked at before the device gets a token: a new one ends the old.
      const broker = await brokerOf(session, options);
      const known = await existing(client, project, name);
      const type = await typeOf(client, project, { name, known, wanted: options.type });
      const runner = RUNNERS.find(({ deviceType }) => deviceType === type.name);
      const factory = await factoryOf(client, project, { options, type, runner });
      const { items } = await client.call('signingKeyList', { params: { project } });
      const key = items[0]?.publicKeyHex;
      const more: Partial<DeviceParameters> = {
        ...(runner === undefined ? {} : { flash: runner.flash(type) }),
        ...(options.period === undefined ? {} : { inferencePeriodMs: options.period }),
        ...(options.sensor.length === 0 ? {} : { sensors: options.sensor }),
      };
      const withToken = (token: string): DeviceParameters => {
        const identity: ImageIdentity = {
          project,
          device: name,
          token,
          broker,
          ...(key === undefined ? {} : { publicKey: Buffer.from(key, 'hex') }),
        };
        return parametersOf(type, identity, more);
      };
      const unwritable = (error: unknown): never => {
        throw new FleetError('cli.file-unwritable', { path: folder, reason: (error as Error).message });
      };
      await requireEncodable(withToken('x'.repeat(TOKEN_CHARACTERS)));
      await mkdir(folder, { recursive: true, mode: 0o700 })
        .then(() => access(folder, constants.W_OK))
        .catch(unwritable);
      const token =
        known === undefined
          ? await register(client, project, { name, type: type.name, tags: options.tags ?? [] })
          : (
              await client.call('deviceToken', {
                params: { project, device: name },
                body: { overlapSeconds: 0 },
              })
            ).token;
      const parameters = withToken(token);
      await writeParameters(folder, parameters).catch(unwritable);
      if (factory !== undefined && runner !== undefined) await provision(runner, folder, factory);
      report(session, { name, folder, parameters, known: known !== undefined, runner, factory });
    });
}

/** What no device would understand, such as a sensor of an unknown kind. @throws cli.usage */
async function requireEncodable(parameters: DeviceParameters): Promise<void> {
  const { encodeParameterBlock } = await import('@tinyfleet/wire');
  try {
    encodeParameterBlock(parameters);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    usage(`These parameters cannot be written: ${error.message}`);
  }
}

interface Factory {
  readonly bundle: Uint8Array;
  readonly sequence: number;
  readonly from: string;
}

/** `accelerometer:3:g:16:800`: kind, axes, unit, full scale in units, rate in Hz. */
function sensor(text: string, before: SensorDescriptor[]): SensorDescriptor[] {
  const [kind = '', axes = '', unit = '', scale = '', rate = ''] = text.split(':');
  const number = (value: string, max: number): number => {
    const parsed = Number(value);
    return value !== '' && parsed >= 0 && parsed <= max
      ? parsed
      : usage(`"${text}" is not kind:axes:unit:full-scale:Hz, such as accelerometer:3:g:16:800.`);
  };
  return [
    ...before,
    {
      sensor: kind as SensorDescriptor['sensor'], // names and bounds are checked by the encoder
      axes: number(axes, 255),
      unit: unit as SensorDescriptor['unit'],
      fullScale: Math.round(number(scale, 4e6) * 1_000),
      sampleRateMhz: Math.round(number(rate, 4e6) * 1_000),
    },
  ];
}

async function brokerOf(session: Session, options: FlashOptions): Promise<ImageIdentity['broker']> {
  const tls = options.tls === true || options.ca !== undefined;
  const server = new URL(session.context.url);
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(options.broker ?? '') ?? [];
  if (options.broker !== undefined && (host === undefined || Number(port) < 1 || Number(port) > 65_535))
    usage(`--broker is HOST:PORT, not "${options.broker}".`);
  const authority = tls ? authorityOf(session, options) : undefined;
  return {
    host: (host ?? server.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? (tls ? await tlsPort(session) : await session.mqttPort()) : Number(port),
    tls,
    ...(authority === undefined ? {} : { authority }),
  };
}

function authorityOf(session: Session, { ca }: FlashOptions): string | undefined {
  // The server on this machine keeps its authority in its data directory.
  const local = join(dataDir(session.globals.dataDir), 'tls', 'authority.pem');
  try {
    return readFileSync(ca ?? local, 'utf8');
  } catch (error) {
    if (ca === undefined) return undefined;
    throw new FleetError('cli.file-unreadable', { path: ca, reason: (error as Error).message });
  }
}

async function tlsPort(session: Session): Promise<number> {
  const { mqttsPort } = await (await session.client()).call('deviceEndpointGet');
  return mqttsPort ?? 8_883;
}

async function existing(client: Client, project: string, device: string): Promise<string | undefined> {
  const { ApiError } = await import('@tinyfleet/contracts');
  try {
    return (await client.call('deviceGet', { params: { project, device } })).type;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'registry.device-not-found') return undefined;
    throw error;
  }
}

async function typeOf(
  client: Client,
  project: string,
  device: { name: string; known: string | undefined; wanted: string | undefined },
): Promise<DeviceType> {
  const { name, known, wanted } = device;
  if (known !== undefined && wanted !== undefined && known !== wanted)
    usage(`${name} is registered as ${known}; a device does not change its type. Choose another name.`);
  const type =
    known ?? wanted ?? usage(`${name} is not registered yet: name its type, such as --type posix.`);
  const { items } = await client.call('deviceTypeList', { params: { project } });
  const found = items.find((candidate) => candidate.name === type);
  if (found === undefined) throw new FleetError('registry.type-not-found', { type });
  return found;
}

async function factoryOf(
  client: Client,
  project: string,
  what: { options: FlashOptions; type: DeviceType; runner: DeviceRunner | undefined },
): Promise<Factory | undefined> {
  const { options, type, runner } = what;
  if (options.bundle === undefined && options.release === undefined) return undefined;
  if (options.bundle !== undefined && options.release !== undefined)
    usage('Name a --bundle or a --release, not both.');
  if (runner === undefined)
    usage(`The flash of ${type.name} is on its board: flash the bundle with its own tools, or roll it out.`);
  const factory = await (options.release === undefined
    ? fromFile(options.bundle!, options.sequence ?? 0)
    : fromRelease(client, project, { ref: options.release, type: type.name }));
  if (factory.bundle.length > type.slotBytes)
    usage(
      `${factory.from} has ${bytes(factory.bundle.length)}, a slot of ${type.name} ${bytes(type.slotBytes)}.`,
    );
  return factory;
}

async function fromFile(path: string, sequence: number): Promise<Factory> {
  if (!(await stat(path).catch(() => undefined))?.isFile())
    throw new FleetError('cli.file-not-found', { path });
  return { bundle: readFileSync(path), sequence, from: path };
}

async function fromRelease(
  client: Client,
  project: string,
  { ref, type }: { ref: string; type: string },
): Promise<Factory> {
  const at = releaseRef(ref);
  const release = await client.call('releaseGet', { params: { project, release: ref } });
  const bundle = await client.call('buildBundle', { params: { project, ...at, deviceType: type } });
  return { bundle, sequence: release.sequence, from: ref };
}

async function register(
  client: Client,
  project: string,
  device: { name: string; type: string; tags: string[] },
): Promise<string> {
  const body = { ...device, site: null };
  return (await client.call('deviceRegister', { params: { project }, body })).token;
}

/** The device's own program stores the bundle, in a flash that is made anew: a factory knows no history. */
async function provision(runner: DeviceRunner, folder: string, { bundle, sequence }: Factory): Promise<void> {
  const { FLASH_FILE } = await import('@tinyfleet/firmware');
  const work = await mkdtemp(join(tmpdir(), 'tinyfleet-flash-'));
  try {
    await rm(join(folder, FLASH_FILE), { force: true });
    await writeFile(join(work, 'bundle'), bundle);
    await runner.provision(folder, join(work, 'bundle'), sequence);
  } catch (error) {
    throw new FleetError('cli.provision-failed', { runner: runner.name, problem: (error as Error).message });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function report(
  session: Session,
  made: {
    name: string;
    folder: string;
    parameters: DeviceParameters;
    known: boolean;
    runner: DeviceRunner | undefined;
    factory: Factory | undefined;
  },
): void {
  const { name, folder, parameters: p, known, runner, factory } = made;
  const broker = `${p.tls ? 'mqtts' : 'mqtt'}://${p.brokerHost}:${p.brokerPort}`;
  const command = runner?.command(folder);
  session.out.one({ device: name, type: p.deviceType, folder, broker, command: command ?? null }, () =>
    renderFacts([
      ['device', `${name}, ${p.deviceType}${known ? ', with a new token; the old one has ended' : ''}`],
      ['image', relative(process.cwd(), folder) || folder],
      [
        'broker',
        broker +
          (p.tls ? (p.authority === undefined ? ", the system's authorities" : ', own authority') : ''),
      ],
      ['flash', `${bytes(p.flash.bytes)}, two slots of ${bytes(p.flash.slotBytes)}`],
      ['model', factory === undefined ? 'none: the first one arrives over the air' : factory.from],
      [
        'signing key',
        p.key === undefined ? pc.yellow('the project has none: nothing will be installed') : 'in the device',
      ],
    ]),
  );
  session.out.hint(
    command === undefined
      ? `Next: store ${join(folder, 'parameters')} in the parameter sector of your board; docs/porting-agent.md`
      : `Next, in ${workspaceRoot}: ${command}`,
  );
}
