/** `tinyfleet device`: register, list, show and remove; watching is in device-watch.ts, commands in device-ask.ts. */
import type { Resource } from '@tinyfleet/contracts';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { commaList, integer } from '../arguments.js';
import { ago, bytes, count, shortDigest, state } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';
import { classLabels, classMix } from './class-mix.js';
import { askCommand, commandsCommand } from './device-ask.js';
import { attributesCommand } from './device-attributes.js';
import { connectionsCommand } from './device-connections.js';
import { logCommand } from './device-log.js';
import { credentialsCommand, revokeCommand, rotateCommand } from './device-credentials.js';
import { actionsCommand } from './device-actions.js';
import { moveCommands, updateCommand } from './device-change.js';
import { histogramsCommand } from './device-histograms.js';
import { exportCommand, importCommand, importsCommand } from './device-import.js';
import { enrolmentCommands } from './device-enrolment.js';
import { listenCommand } from './device-listen.js';
import { watchCommand } from './device-watch.js';

export function deviceCommand(): Command {
  const command = new Command('device').description('Devices: register, list, show, ask, watch');

  command
    .command('add')
    .description('register a device; its token is shown once')
    .argument('<name>', 'a-z 0-9 . _ -')
    .requiredOption('--type <name>', 'device type')
    .option('--tags <list>', 'comma separated', commaList, [])
    .option('--site <name>', 'where it stands')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device add pump-17 --type qemu-m4 --tags pilot,eu')
    .action(async (name: string, options: { type: string; tags: string[]; site?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const made = await client.call('deviceRegister', {
        params: { project },
        body: { name, type: options.type, tags: options.tags, site: options.site ?? null },
      });
      session.out.one(made, () =>
        renderFacts([
          ['device', made.device.name],
          ['MQTT username', made.mqttUsername],
          ['client id', made.mqttUsername],
          ['token', pc.bold(made.token)],
        ]),
      );
      session.out.hint('Keep the token: it is stored as a hash and cannot be shown again.');
    });

  command
    .command('list')
    .description('devices by filter, by name')
    .option('--filter <expression>', `such as 'tag = "demo" and presence = "silent"'`)
    .addOption(
      new Option('--sort <field>', 'order').choices(['name', 'lastSeen', 'createdAt']).default('name'),
    )
    .addOption(new Option('--order <way>', 'names go up, times down').choices(['asc', 'desc']))
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 1_000)
    .addHelpText('after', `\nExample:\n  $ npx tinyfleet device list --filter 'tag = "demo"'`)
    .action(async (options: ListOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all(
        (query) =>
          client.call('deviceList', {
            params: { project },
            query: {
              ...query,
              sort: options.sort,
              ...(options.order === undefined ? {} : { order: options.order }),
              ...(options.filter === undefined ? {} : { filter: options.filter }),
            },
          }),
        options.limit,
      );
      session.out.list(
        items,
        [
          { header: 'name', value: (d) => d.name },
          { header: 'type', value: (d) => d.type },
          { header: 'state', value: (d) => d.state, text: (d) => state(d.state) },
          { header: 'presence', value: (d) => d.presence, text: (d) => state(d.presence) },
          { header: 'release', value: (d) => d.activeRelease },
          { header: 'update', value: (d) => d.updateState, text: (d) => state(d.updateState) },
          { header: 'last contact', value: (d) => d.lastContactAt, text: (d) => ago(d.lastContactAt) },
          { header: 'tags', value: (d) => d.tags.join(' ') },
        ],
        options.filter === undefined
          ? 'No devices yet. npx tinyfleet device add NAME --type wasm'
          : 'No device matches.',
      );
    });

  command
    .command('show')
    .description('one device: bundle, slots, last telemetry')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device show demo-007')
    .action(async (name: string, _options, self: Command) => show(Session.of(self), name));

  command
    .command('remove')
    .description('remove a device; its connection drops')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device remove pump-17')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Remove device ${name} from ${project}?`, options.yes);
      await client.call('deviceDelete', { params: { project, device: name } });
      session.out.one({ removed: name }, () => `${pc.green('removed')}  device ${name}`);
    });

  command.addCommand(rotateCommand());
  command.addCommand(revokeCommand());
  command.addCommand(credentialsCommand());
  for (const one of enrolmentCommands()) command.addCommand(one);
  command.addCommand(updateCommand());
  for (const move of moveCommands()) command.addCommand(move);
  command.addCommand(actionsCommand());
  command.addCommand(importCommand());
  command.addCommand(exportCommand());
  command.addCommand(importsCommand());
  command.addCommand(askCommand());
  command.addCommand(commandsCommand());
  command.addCommand(attributesCommand());
  command.addCommand(connectionsCommand());
  command.addCommand(logCommand());
  command.addCommand(histogramsCommand());
  command.addCommand(watchCommand());
  command.addCommand(listenCommand());
  return command;
}

interface ListOptions {
  readonly filter?: string;
  readonly sort: 'name' | 'lastSeen' | 'createdAt';
  readonly order?: 'asc' | 'desc';
  readonly limit: number;
}

const placeText = ({ text, latitude, longitude }: Resource<'Location'>): string =>
  [text, latitude === null ? '' : `${latitude},${longitude}`].filter(Boolean).join(' ');
/** As they are written in filters: texts that look like something else are quoted. */
const attributesText = (values: Resource<'AttributeSet'>['values']): string | null =>
  Object.entries(values)
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'string' && /^[\w.-]*[A-Za-z][\w.-]*$/.test(value) ? value : JSON.stringify(value)}`,
    )
    .join(' ') || null;

/** What of its messages never came, in this boot, and what was refused, in the days that refusals are kept. */
function lossText({
  missing,
  refused,
}: {
  readonly missing: Resource<'TelemetryGap'> | null;
  readonly refused: ReadonlyArray<Resource<'TelemetryRefusal'>>;
}): string | null {
  const parts: string[] = [];
  if (missing)
    parts.push(`${count(missing.missing)} of ${count(missing.lastSequence + 1)} of this boot never came`);
  if (refused.length > 0) {
    const all = refused.reduce((sum, one) => sum + one.count, 0);
    parts.push(`${count(all)} refused, last ${refused[0]?.code} on ${refused[0]?.day}`);
  }
  return parts.join('; ') || null;
}

async function show(session: Session, name: string): Promise<void> {
  const client = await session.client();
  const project = await session.project();
  const params = { project, device: name };
  const [device, telemetry, deployments, gaps, refusals] = await Promise.all([
    client.call('deviceGet', { params }),
    client.call('deviceTelemetry', { params, query: { limit: 1 } }),
    client.call('deviceDeployments', { params, query: { limit: 1 } }),
    client.call('telemetryGapList', { params: { project }, query: { device: name } }),
    client.call('telemetryRefusalList', { params: { project }, query: { device: name, limit: 100 } }),
  ]);
  const lost = { missing: gaps.items[0] ?? null, refused: refusals.items };
  const [last] = telemetry.items;
  const [deployment] = deployments.items;
  const labels = last === undefined || last.release === null ? [] : await classLabels(session, last.release);
  session.out.one(
    { ...device, lastTelemetry: last ?? null, lastDeployment: deployment ?? null, ...lost },
    () => {
      const parts = [
        renderFacts([
          ['device', `${project}/${device.name}`],
          ['type', device.type],
          ['state', state(device.state)],
          ['presence', `${state(device.presence)}, last contact ${ago(device.lastContactAt)}`],
          ['tags', device.tags.join(' ')],
          ['site', device.site],
          ['location', device.location === null ? null : placeText(device.location)],
          ['hardware', device.hardwareRevision],
          ['notes', device.notes],
          ['reported', attributesText(device.attributes.reported.values)],
          ['desired', attributesText(device.attributes.desired.values)],
          ['firmware', device.firmwareVersion],
          ['runtime ABI', device.abi],
          ['active release', device.activeRelease],
          ['bundle digest', device.activeDigest],
          ['desired release', device.desiredRelease],
          ['update state', state(device.updateState)],
          [
            'boot',
            device.bootId === null ? null : `${device.bootId}, reset cause ${device.resetCause ?? '-'}`,
          ],
          [
            'last error',
            device.lastError === null
              ? null
              : `${device.lastError.title} (${device.lastError.code}), ${ago(device.lastError.at)}`,
          ],
          ['messages', lossText(lost)],
          ...(deployment === undefined
            ? []
            : ([
                [
                  'deployment',
                  `rollout ${deployment.rollout}, ${deployment.release}: ${state(deployment.state)}`,
                ],
              ] as const)),
        ]),
      ];
      if (device.slots.length > 0)
        parts.push(
          renderTable(device.slots, [
            { header: 'slot', value: (slot) => device.slots.indexOf(slot) },
            { header: 'state', value: (slot) => slot.state, text: (slot) => state(slot.state) },
            { header: 'release', value: (slot) => slot.release },
            { header: 'digest', value: (slot) => shortDigest(slot.digest) },
            { header: 'bytes', value: (slot) => slot.bytes },
            { header: 'sequence', value: (slot) => slot.releaseSequence },
          ]),
        );
      if (device.firmwareSlots.length > 0)
        parts.push(
          renderTable(device.firmwareSlots, [
            { header: 'firmware slot', value: (slot) => device.firmwareSlots.indexOf(slot) },
            { header: 'state', value: (slot) => slot.state, text: (slot) => state(slot.state) },
            { header: 'firmware', value: (slot) => slot.firmware },
            { header: 'digest', value: (slot) => shortDigest(slot.digest) },
            { header: 'bytes', value: (slot) => slot.bytes },
          ]),
        );
      parts.push(
        last === undefined
          ? pc.dim('No telemetry yet.')
          : renderFacts([
              ['last window', `${last.startAt}, ${last.lengthMs / 1_000} s, ${ago(last.startAt)}`],
              ['release', last.release],
              ['inferences', count(last.n)],
              ['classes', classMix(last.classCounts, labels)],
              ['class switches', last.switches],
              [
                'cycles',
                last.cyclesMean === null
                  ? null
                  : `${count(last.cyclesMean)} mean, ${count(last.cyclesMax ?? 0)} max`,
              ],
              ['arena', last.arenaBytes === null ? null : bytes(last.arenaBytes)],
              ['battery', last.batteryPercent === null ? null : `${last.batteryPercent} %`],
            ]),
      );
      return parts.join('\n\n');
    },
  );
}
