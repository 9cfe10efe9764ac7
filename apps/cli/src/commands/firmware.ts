/** `tinyfleet firmware`: images that releases install. */
import { basename } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import { integer, readInput, releaseRef } from '../arguments.js';
import { ago, bytes, shortDigest } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

interface ImportOptions {
  name: string;
  version: string;
  type: string;
  abi?: string;
  ops?: string;
  arena?: number;
  state?: number;
  sensors?: string;
  from?: string;
}

const most = 2 ** 32 - 1;

export function firmwareCommand(): Command {
  const command = new Command('firmware').description('Firmware: bring in images, list, show, remove');

  command
    .command('import')
    .description('bring in the image of a version for a device type')
    .argument('<file>', 'as the boot loader of the device takes it')
    .requiredOption('--name <name>', 'firmware, made when it does not exist')
    .requiredOption('--version <version>', 'as devices that run it say in hello')
    .requiredOption('--type <type>', 'device type that it is for')
    .option('--abi <major.minor>', 'runtime ABI (default: what the type says; so with all below)')
    .option('--ops <list>', 'operators that it runs, comma separated')
    .option('--arena <bytes>', "for a model's arena", integer('--arena', 0, most))
    .option('--state <bytes>', "for a model's state", integer('--state', 0, most))
    .option('--sensors <list>', 'sensors that it samples, comma separated (default: nothing is said)')
    .option('--from <version>', 'lowest version that may be updated to it (default: any)')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet firmware import gateway.elf --name gateway --version 1.2.0 --type posix
  $ npx tinyfleet firmware import app.signed.bin --name node --version 2.0.0 --type nucleo-l4r5zi --from 1.4.0`,
    )
    .action(async (file: string, options: ImportOptions, self: Command) => {
      const session = Session.of(self);
      const body = readInput(file);
      const { abi, ops, arena, state, sensors, from } = options;
      const image = await (
        await session.client()
      ).call('firmwareImport', {
        params: { project: await session.project(), firmware: options.name },
        query: {
          version: options.version,
          deviceType: options.type,
          fileName: basename(file),
          ...(abi !== undefined && { abi }),
          ...(ops !== undefined && { ops }),
          ...(arena !== undefined && { arenaBytes: arena }),
          ...(state !== undefined && { stateBytes: state }),
          ...(sensors !== undefined && { sensors }),
          ...(from !== undefined && { from }),
        },
        body,
      });
      const ref = `${image.firmware}@${image.version}`;
      session.out.one(image, () =>
        [
          `${pc.green('imported')}  ${pc.bold(ref)}`,
          renderFacts([
            ['for', image.deviceType],
            ['file', `${image.fileName}, ${bytes(image.bytes)}`],
            ['SHA-256', image.digest],
            ['ABI', image.provides.abi],
            ['operators', String(image.provides.ops.length)],
            ['arena', bytes(image.provides.arenaBytes)],
            ['from', image.from],
          ]),
        ].join('\n'),
      );
      session.out.hint(
        `Next: npx tinyfleet release create ${ref} --sign, or release create MODEL@VERSION --firmware ${ref} --sign`,
      );
    });

  command
    .command('list')
    .description('firmware')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet firmware list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all((query) => client.call('firmwareList', { params: { project }, query }));
      session.out.list(
        items,
        [
          { header: 'name', value: (f) => f.name },
          { header: 'latest', value: (f) => f.latestVersion },
          { header: 'versions', value: (f) => f.versionCount },
          { header: 'created', value: (f) => f.createdAt, text: (f) => ago(f.createdAt) },
        ],
        'No firmware yet. npx tinyfleet firmware import FILE --name NAME --version VERSION --type TYPE',
      );
    });

  command
    .command('show')
    .description('images of a firmware, newest version first')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet firmware show gateway')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), firmware: name };
      const items = await all((query) => client.call('firmwareImageList', { params, query }));
      session.out.list(items, [
        { header: 'version', value: (i) => i.version },
        { header: 'type', value: (i) => i.deviceType },
        { header: 'file', value: (i) => i.fileName },
        { header: 'bytes', value: (i) => i.bytes, text: (i) => bytes(i.bytes) },
        { header: 'ABI', value: (i) => i.provides.abi },
        { header: 'from', value: (i) => i.from },
        { header: 'digest', value: (i) => i.digest, text: (i) => shortDigest(i.digest) },
        { header: 'created', value: (i) => i.createdAt, text: (i) => ago(i.createdAt) },
        { header: 'by', value: (i) => i.createdBy },
      ]);
    });

  command
    .command('remove')
    .description('remove a version that no release names, with its images')
    .argument('<name@version>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet firmware remove gateway@1.2.0 --yes')
    .action(async (text: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const { model: firmware, version: firmwareVersion } = releaseRef(text);
      const params = { project: await session.project(), firmware, firmwareVersion };
      await confirm(`Remove ${text} and its images?`, options.yes);
      await (await session.client()).call('firmwareRemove', { params });
      session.out.one({ removed: text }, () => `${pc.green('removed')}  ${text}`);
    });

  return command;
}
