/** `tinyfleet release`: make model versions deployable. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { integer, releaseRef, usage } from '../arguments.js';
import { ago, bytes, shortDigest, state } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session, all } from '../session.js';
import { checkCommand, componentsOf, renderComponents, sbomCommand } from './release-check.js';
import { lifecycleCommands } from './release-lifecycle.js';
import { signCommand } from './release-sign.js';

type Release = CallOutput<'releaseGet'>;

export function releaseCommand(): Command {
  const command = new Command('release').description('Releases: builds, signed manifests, provenance');

  command
    .command('create')
    .description('make a release of a model version and its finished builds, or of firmware')
    .argument('<name@version>')
    .option(
      '--firmware <name@version>',
      'firmware that the model needs: devices that do not run it install it first',
    )
    .option('--sign', 'sign it with the project key at once')
    .option('--notes <text>', 'what is new', '')
    .option(
      '--soak <seconds>',
      'healthy for so long before the old slot is given up (default: one telemetry window, at most 600)',
      integer('--soak', 0, 604_800),
    )
    .option('--not-after <time>', 'no device is offered it afterwards, such as 2027-01-31T12:00:00Z')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet release create kws@1.1.0 --sign
  $ npx tinyfleet release create kws@1.2.0 --firmware gateway@1.2.0 --sign
  $ npx tinyfleet release create gateway@1.2.0 --sign`,
    )
    .action(
      async (
        text: string,
        options: { sign?: boolean; notes: string; soak?: number; notAfter?: string; firmware?: string },
        self: Command,
      ) => {
        const session = Session.of(self);
        const client = await session.client();
        const { model, version } = releaseRef(text);
        const made = await client.call('releaseCreate', {
          params: { project: await session.project() },
          body: {
            model,
            version,
            sign: options.sign === true,
            notes: options.notes,
            ...(options.firmware === undefined ? {} : { firmware: named(options.firmware) }),
            ...(options.soak === undefined ? {} : { soakSeconds: options.soak }),
            ...(options.notAfter === undefined ? {} : { notAfter: timeOf(options.notAfter) }),
          },
        });
        session.out.one(made, () => renderRelease(made));
        session.out.hint(
          made.signedAt === null
            ? `Next: npx tinyfleet release sign ${made.ref}`
            : made.state === 'approved'
              ? `Next: npx tinyfleet rollout start ${made.ref} --to 'tag = "demo"'`
              : `Next: npx tinyfleet release validate ${made.ref}`,
        );
      },
    );

  command
    .command('list')
    .description('releases, newest first')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet release list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all((query) => client.call('releaseList', { params: { project }, query }));
      session.out.list(
        items,
        [
          { header: 'release', value: (r) => r.ref },
          { header: 'state', value: (r) => r.state, text: (r) => state(r.state) },
          {
            header: 'signed',
            value: (r) => r.signedAt,
            text: (r) => (r.signedAt === null ? 'no' : ago(r.signedAt)),
          },
          { header: 'sequence', value: (r) => r.sequence },
          { header: 'types', value: (r) => r.builds.map((b) => b.deviceType).join(' ') },
          { header: 'created', value: (r) => r.createdAt, text: (r) => ago(r.createdAt) },
          { header: 'by', value: (r) => r.createdBy },
        ],
        'No releases yet. npx tinyfleet release create NAME@VERSION --sign',
      );
    });

  command
    .command('show')
    .description('one release: state, notes, builds, what it is made of and where that came from')
    .argument('<name@version>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet release show kws@1.1.0')
    .action(async (text: string, _options, self: Command) => {
      const session = Session.of(self);
      releaseRef(text);
      const client = await session.client();
      const params = { project: await session.project(), release: text };
      const [release, bom] = [
        await client.call('releaseGet', { params }),
        await client.call('releaseComponents', { params }),
      ];
      const components = componentsOf(bom);
      session.out.one({ ...release, components }, () =>
        [renderRelease(release), renderComponents(components)].join('\n\n'),
      );
    });

  command.addCommand(checkCommand());
  command.addCommand(sbomCommand());
  command.addCommand(signCommand(renderRelease));
  for (const one of lifecycleCommands(renderRelease)) command.addCommand(one);
  return command;
}

/** @throws cli.usage */
function named(text: string): string {
  releaseRef(text);
  return text;
}

/** @throws cli.usage */
function timeOf(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    usage(`--not-after is a time such as 2027-01-31T12:00:00Z, not "${text}".`);
  return time.toISOString();
}

const changeText = ({ at, by, reason }: NonNullable<Release['stateChange']>): string =>
  `${ago(at)} by ${by}${reason && `: ${reason}`}`;

/** Devices of types without an image get the model alone. */
function firmwareText({ firmware, builds }: Release): string {
  const types = new Set(firmware?.images.map(({ deviceType }) => deviceType));
  const without = builds.map(({ deviceType }) => deviceType).filter((type) => !types.has(type));
  return `${firmware?.ref} for ${[...types].join(', ')}${without.length > 0 ? `; none for ${without.join(', ')}` : ''}`;
}

function renderRelease(release: Release): string {
  const transfers = release.builds.flatMap(({ deviceType: type, transfers: each }) =>
    each.map((transfer) => ({ ...transfer, type })),
  );
  return [
    renderFacts([
      ['release', pc.bold(release.ref)],
      ['state', state(release.state)],
      ['since', release.stateChange && changeText(release.stateChange)],
      ['sequence', release.sequence],
      ['notes', release.notes],
      ['created', `${ago(release.createdAt)} by ${release.createdBy}`],
      [
        'signed',
        release.signedAt === null ? null : `${ago(release.signedAt)} by key ${release.signedBy ?? ''}`,
      ],
      ['not after', release.notAfter],
      [
        release.component === 'model' ? 'model file' : 'image',
        `SHA-256 ${shortDigest(release.provenance.sourceDigest)}`,
      ],
      ['compiler', release.provenance.compilerVersion],
      ['firmware first', release.firmware && firmwareText(release)],
    ]),
    renderTable(release.builds, [
      { header: 'type', value: (b) => b.deviceType },
      {
        header: release.component === 'model' ? 'bundle' : 'image',
        value: (b) => b.bundleBytes,
        text: (b) => bytes(b.bundleBytes),
      },
      { header: 'manifest', value: (b) => b.manifestBytes, text: (b) => bytes(b.manifestBytes) },
      { header: 'digest', value: (b) => b.bundleDigest },
    ]),
    ...(transfers.length === 0
      ? []
      : [
          renderTable(transfers, [
            { header: 'type', value: (t) => t.type },
            { header: 'transfer', value: (t) => t.method },
            { header: 'from', value: (t) => t.base ?? shortDigest(t.baseDigest) },
            { header: 'sectors to', value: (t) => t.sectorBytes, text: (t) => bytes(t.sectorBytes) },
            { header: 'state', value: (t) => t.state, text: (t) => state(t.state) },
            { header: 'bytes', value: (t) => t.bytes, text: (t) => bytes(t.bytes) },
          ]),
        ]),
  ].join('\n\n');
}
