/** `tinyfleet release validate|approve|deprecate|revoke` and what a release was made of. */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { releaseRef } from '../arguments.js';
import { plural } from '../output/format.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

type Release = CallOutput<'releaseGet'>;

export function lifecycleCommands(render: (release: Release) => string): Command[] {
  const verb = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .argument('<name@version>')
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet release ${name} kws@1.1.0`);

  const validate = verb('validate', 'check what its builds have shown: draft to validated')
    .option('--max-accuracy-drop <share>', 'what quantization may cost, 0 to 1', share, 0.05)
    .action(async (ref: string, { maxAccuracyDrop }: { maxAccuracyDrop: number }, self: Command) => {
      const { session, client, params } = await at(self, ref);
      const release = await client.call('releaseValidate', { params, body: { maxAccuracyDrop } });
      session.out.one(release, () => render(release));
      session.out.hint(`Next: npx tinyfleet release approve ${ref}`);
    });

  const [approve, deprecate] = (
    [
      [
        'approve',
        'releaseApprove',
        'say yes to rolling it out; somebody else than its maker where the project asks for it',
      ],
      ['deprecate', 'releaseDeprecate', 'warn whoever rolls it out'],
    ] as const
  ).map(([name, route, description]) =>
    verb(name, description)
      .option('--reason <text>', 'for the audit log', '')
      .action(async (ref: string, { reason }: { reason: string }, self: Command) => {
        const { session, client, params } = await at(self, ref);
        const release = await client.call(route, { params, body: { reason } });
        session.out.one(release, () => render(release));
      }),
  );

  const revoke = verb('revoke', 'offer it to nobody any more, for good; open rollouts of it go back')
    .option('--reason <text>', 'for the audit log and the engine', '')
    .option('--yes', 'do not ask')
    .action(async (ref: string, options: { reason: string; yes?: boolean }, self: Command) => {
      const { session, client, params } = await at(self, ref);
      await confirm(`Revoke ${ref} for good?`, options.yes);
      const release = await client.call('releaseRevoke', { params, body: { reason: options.reason } });
      const { project } = params;
      const filter = `release = "${ref}"`;
      const { items } = await client.call('deviceList', {
        params: { project },
        query: { limit: 20, filter },
      });
      const devices = items.map(({ name }) => name);
      session.out.one({ ...release, devices }, () => render(release));
      if (devices.length > 0)
        session.out.hint(
          `It still runs on ${plural(devices.length, 'device')}${devices.length === 20 ? ' and more' : ''}: ${devices.join(' ')}\n` +
            `All of them: npx tinyfleet device list --filter '${filter}'\n` +
            `Move them: npx tinyfleet rollout start RELEASE --to '${filter}', or back: npx tinyfleet rollout rollback NUMBER`,
        );
    });

  const provenance = verb('provenance', 'signed statement of what it was made from, by what and by whom')
    .option('--out <file>', 'write the DSSE envelope there')
    .option('--statement', 'print the in-toto statement inside instead of the envelope')
    .action(async (ref: string, options: { out?: string; statement?: boolean }, self: Command) => {
      const { session, client, params } = await at(self, ref);
      const envelope = await client.call('releaseProvenance', { params });
      const content: unknown =
        options.statement === true
          ? JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'))
          : envelope;
      write(session, options.out, content);
    });

  return [validate, approve!, deprecate!, revoke, provenance];
}

function write(session: Session, file: string | undefined, content: unknown): void {
  const text = JSON.stringify(content, undefined, 2);
  if (file === undefined) return session.out.line(text);
  writeFileSync(file, `${text}\n`);
  session.out.one({ file }, () => `${pc.green('written')}  ${file}`);
}

async function at(self: Command, release: string) {
  const session = Session.of(self);
  releaseRef(release);
  const client = await session.client();
  return { session, client, params: { project: await session.project(), release } };
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It is a share from 0 to 1.');
  return value;
}
