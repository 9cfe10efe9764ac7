/** `tinyfleet build`: compile a model version for device types, follow the jobs, print the reports. */
import { Command, Option } from 'commander';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { commaList, modelRef, usage } from '../arguments.js';
import { EventPulse } from '../events.js';
import { ago, bar, bytes, percent, shortDigest, state } from '../output/format.js';
import { LiveView } from '../output/live.js';
import { renderFit } from '../output/fit.js';
import { renderReport } from '../output/report.js';
import { Session, all } from '../session.js';

type Build = CallOutput<'buildGet'>;

interface BuildOptions {
  for?: string[];
  inputRange?: [low: number, high: number];
  frontEnd?: Record<string, unknown>;
  sensor?: Sensor;
  wait: boolean;
  brief?: boolean;
}

/** Numbers of docs/spec/wire.cddl; full scale and sample rate are left to the front end and the device. */
const SENSORS = {
  accelerometer: { sensor: 1, axes: 3, unit: 1 },
  microphone: { sensor: 3, axes: 1, unit: 11 },
} as const;
type Sensor = keyof typeof SENSORS;

function range(text: string): [number, number] {
  const [low, high, ...more] = text.split(',').map(Number);
  if (low === undefined || high === undefined || more.length > 0 || !(low < high))
    usage('--input-range takes two numbers, the lower first, such as 0,255.');
  return [low, high];
}

/** A kind that needs nothing else, or a whole description. */
function frontEnd(text: string): Record<string, unknown> {
  if (!text.trimStart().startsWith('{')) return { kind: text };
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return usage('--front-end takes a kind, such as micro-speech, or JSON, such as {"kind":"scale"}.');
  }
}

export function buildCommand(): Command {
  const command = new Command('build')
    .description('Compile a model version for device types and print the reports')
    .argument('<name[@version]>', 'model; the newest version when none is named')
    .option('--for <types>', 'device types, comma separated (default: those of the project)', commaList)
    .option('--input-range <low,high>', 'of a float model without calibration samples (default: -1,1)', range)
    .option(
      '--front-end <kind or JSON>',
      'makes the input of raw samples: micro-speech, mfcc, statistics, spectral-power, scale',
      frontEnd,
    )
    .addOption(
      new Option('--sensor <name>', 'gives the front end its samples; accelerometer: 3 axes in g').choices(
        Object.keys(SENSORS),
      ),
    )
    .option('--no-wait', 'start the builds and return')
    .option('--brief', 'one line per build instead of the report')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet build kws --for qemu-m4,wasm
  $ npx tinyfleet build micro-speech --for wasm --front-end micro-speech
  $ npx tinyfleet build vibration --front-end '{"kind":"scale","unitsPerCount":0.000488}' --sensor accelerometer
  $ npx tinyfleet build list
  $ npx tinyfleet build show kws@1.1.0 --for wasm`,
    )
    .action(async (text: string, options: BuildOptions, self: Command) => {
      const session = Session.of(self);
      const started = await startBuilds(session, text, options);
      const builds = options.wait ? await follow(session, started) : started;
      await printBuilds(session, builds, options.brief === true || !options.wait);
    });

  command
    .command('list')
    .description('builds of the project, newest first')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet build list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all((query) => client.call('buildList', { params: { project }, query }), 500);
      session.out.list(items, [
        { header: 'model', value: (b) => `${b.model}@${b.version}` },
        { header: 'type', value: (b) => b.deviceType },
        { header: 'state', value: (b) => b.state, text: (b) => state(b.state) },
        { header: 'bundle', value: (b) => b.bundleBytes, text: (b) => bytes(b.bundleBytes) },
        { header: 'arena', value: (b) => b.arenaBytes, text: (b) => bytes(b.arenaBytes) },
        { header: 'digest', value: (b) => shortDigest(b.bundleDigest) },
        { header: 'created', value: (b) => b.createdAt, text: (b) => ago(b.createdAt) },
      ]);
    });

  command
    .command('show')
    .description('the report of a finished build')
    .argument('<name@version>')
    .option('--for <type>', 'device type')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet build show kws@1.1.0 --for wasm')
    .action(async (text: string, _options: unknown, self: Command) => {
      // Commander gives an option that the parent has too to the parent.
      const [deviceType] =
        command.opts<{ for?: string[] }>().for ?? usage('Name the device type: --for wasm');
      if (deviceType === undefined) usage('Name the device type: --for wasm');
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const { model, version } = modelRef(text);
      const exact = version ?? (await newestVersion(client, project, model));
      const build = await client.call('buildGet', { params: { project, model, version: exact, deviceType } });
      await printBuilds(session, [build], false);
    });

  return command;
}

async function newestVersion(client: Client, project: string, model: string): Promise<string> {
  const { items } = await client.call('modelVersionList', {
    params: { project, model },
    query: { limit: 1 },
  });
  return items[0]?.version ?? '0.0.0';
}

async function startBuilds(
  session: Session,
  text: string,
  { for: deviceTypes, inputRange, frontEnd: signal, sensor }: BuildOptions,
): Promise<Build[]> {
  const { model, version } = modelRef(text);
  const client = await session.client();
  const { items } = await client.call('buildStart', {
    params: { project: await session.project() },
    body: {
      model,
      ...(version === undefined ? {} : { version }),
      ...(deviceTypes === undefined ? {} : { deviceTypes }),
      options: {
        ...(inputRange === undefined ? {} : { inputRange }),
        ...(signal === undefined ? {} : { frontEnd: signal }),
        ...(sensor === undefined ? {} : { sensor: SENSORS[sensor] }),
      },
    },
  });
  return items;
}

const isFinished = (build: Build) => build.state !== 'queued' && build.state !== 'running';

/** Waits for all builds, drawing their progress. */
async function follow(session: Session, started: readonly Build[]): Promise<Build[]> {
  const client = await session.client();
  const project = await session.project();
  const { url, token } = session.context;
  const view = new LiveView();
  let builds = [...started];
  if (builds.every(isFinished)) return builds;
  const pulse = new EventPulse({ url, token, project, names: ['build.changed'] });
  try {
    for (;;) {
      if (!session.out.isPlain) {
        const width = Math.max(...builds.map((b) => b.deviceType.length));
        view.draw(
          builds.map(
            (b) =>
              `${b.deviceType.padEnd(width)}  ${bar(b.state === 'succeeded' ? 1 : b.progress)} ${percent(b.progress).padStart(5)}  ` +
              (isFinished(b) ? state(b.state) : b.stage),
          ),
          builds.map((b) => `${b.deviceType}: ${isFinished(b) ? b.state : b.stage}`).join(', '),
        );
      }
      if (builds.every(isFinished)) break;
      await pulse.wait(500);
      builds = await Promise.all(
        builds.map(async (b) =>
          isFinished(b)
            ? b
            : await client.call('buildGet', {
                params: { project, model: b.model, version: b.version, deviceType: b.deviceType },
              }),
        ),
      );
    }
  } finally {
    pulse.close();
  }
  view.clear();
  return builds;
}

async function printBuilds(session: Session, builds: readonly Build[], isBrief: boolean): Promise<void> {
  const client = await session.client();
  const project = await session.project();
  const details = await Promise.all(
    builds.map(async ({ model, version, deviceType, state: reached }) => {
      if (reached !== 'succeeded' || isBrief) return undefined;
      const params = { project, model, version, deviceType };
      const [report, fit] = await Promise.all([
        client.call('buildReport', { params }),
        client.call('buildFit', { params }),
      ]);
      return { report, fit };
    }),
  );
  if (session.out.isPlain || isBrief) {
    const rows = builds.map((build, i) => ({
      ...build,
      report: details[i]?.report ?? null,
      fit: details[i]?.fit.items ?? null,
    }));
    session.out.list(rows, [
      { header: 'model', value: (b) => `${b.model}@${b.version}` },
      { header: 'type', value: (b) => b.deviceType },
      { header: 'state', value: (b) => b.state, text: (b) => state(b.state) },
      { header: 'bundleBytes', value: (b) => b.bundleBytes },
      { header: 'arenaBytes', value: (b) => b.arenaBytes },
      { header: 'digest', value: (b) => b.bundleDigest },
    ]);
  } else {
    const types = await client.call('deviceTypeList', { params: { project } });
    for (const [i, build] of builds.entries()) {
      const found = details[i];
      if (found === undefined) continue;
      const type = types.items.find((t) => t.name === build.deviceType);
      session.out.line(
        `${renderReport(found.report, {
          ...build,
          ...(type === undefined ? {} : { slotBytes: type.slotBytes, availableArenaBytes: type.arenaBytes }),
        })}\n`,
      );
      // The same model on other hardware: one table serves all builds of a version that differ by type only.
      if (i === builds.length - 1) session.out.line(`${pc.dim('OTHER DEVICES')}\n${renderFit(found.fit)}\n`);
    }
  }
  failOnUnsuccessful(session, builds);
}

function failOnUnsuccessful(session: Session, builds: readonly Build[]): void {
  const failed = builds.filter((b) => b.state === 'failed' || b.state === 'cancelled');
  for (const build of failed) {
    const { error } = build;
    process.stderr.write(
      `${pc.red(build.state)}  ${build.model}@${build.version} for ${build.deviceType}` +
        `${error === null ? '' : `: ${error.detail} ${pc.dim(`(${error.code})`)}`}\n`,
    );
    const diagnostics = error?.data?.['diagnostics'];
    if (Array.isArray(diagnostics))
      for (const d of diagnostics as Array<{ message?: string; op?: string; tensor?: string }>)
        process.stderr.write(`       - ${[d.op ?? d.tensor, d.message].filter(Boolean).join(': ')}\n`);
    if (error?.hint !== undefined) process.stderr.write(`       ${error.hint}\n`);
  }
  const [first] = failed;
  if (first !== undefined) {
    process.exitCode = 1;
    return;
  }
  const [done] = builds;
  if (done !== undefined && builds.every((b) => b.state === 'succeeded'))
    session.out.hint(`Next: npx tinyfleet release create ${done.model}@${done.version} --sign`);
  if (done === undefined) throw new FleetError('builds.no-types');
}
