/** `tinyfleet device waiting|approve|reject|claim-code|certificate`: devices that get their identity by themselves. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import pc from 'picocolors';
import { duration, integer, readInput, usage } from '../arguments.js';
import { ago, plural } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

export function enrolmentCommands(): Command[] {
  return [waiting(), decision('approve'), decision('reject'), claimCode(), certificate()];
}

function waiting(): Command {
  return new Command('waiting')
    .description('devices that registered themselves and wait for approval')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device waiting')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all(async (query) => client.call('enrolmentList', { params: { project }, query }));
      session.out.list(
        items,
        [
          { header: 'device', value: (e) => e.device },
          { header: 'type', value: (e) => e.type },
          { header: 'by', value: (e) => e.by },
          { header: 'from', value: (e) => e.address },
          { header: 'asked', value: (e) => e.askedAt, text: (e) => ago(e.askedAt) },
        ],
        'Nobody waits.',
      );
      if (items.length > 0) session.out.hint('Let them in: npx tinyfleet device approve NAME...');
    });
}

function decision(verb: 'approve' | 'reject'): Command {
  return new Command(verb)
    .description(
      verb === 'approve'
        ? 'let devices in that registered themselves'
        : 'keep devices out that registered themselves; their credentials end',
    )
    .argument('[names...]')
    .option('--all', 'every device that waits')
    .option('--yes', 'do not ask')
    .addHelpText('after', `\nExample:\n  $ npx tinyfleet device ${verb} pump-17`)
    .action(async (names: string[], options: { all?: boolean; yes?: boolean }, self: Command) => {
      if ((names.length === 0) === (options.all !== true)) usage('Name devices, or say --all.');
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      if (options.all === true) {
        const items = await all(async (query) =>
          client.call('enrolmentList', { params: { project }, query }),
        );
        names = items.map(({ device }) => device);
        await confirm(
          `${verb === 'approve' ? 'Let' : 'Keep'} ${plural(names.length, 'device')} ${verb === 'approve' ? 'in' : 'out'}?`,
          options.yes,
        );
      }
      const route = verb === 'approve' ? 'enrolmentApprove' : 'enrolmentReject';
      for (const device of names) await client.call(route, { params: { project, device } });
      const done = verb === 'approve' ? 'approved' : 'rejected';
      session.out.one({ [done]: names }, () => `${pc.green(done)}  ${names.join(', ')}`);
    });
}

function claimCode(): Command {
  return new Command('claim-code')
    .description('a one-time code, and its QR code, by which a unit becomes this device')
    .argument('<name>')
    .option('--type <name>', 'device type: makes the device when there is none of the name')
    .option('--expires <time>', 'such as 24h or 7d', duration('--expires', 60, 90 * 86_400), 86_400)
    .option('--svg <file>', 'write the QR code to print it')
    .addHelpText(
      'after',
      `
The QR code holds the server's address, the code and the fingerprint of the server's certificate authority.

Example:
  $ npx tinyfleet device claim-code pump-17 --type nrf52840-dk --svg pump-17.svg`,
    )
    .action(
      async (name: string, options: { type?: string; expires: number; svg?: string }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const made = await client.call('claimCodeCreate', {
          params: { project: await session.project(), device: name },
          body: {
            expiresInSeconds: options.expires,
            ...(options.type === undefined ? {} : { type: options.type }),
          },
        });
        const { renderSVG, renderUnicodeCompact } = await import('uqr');
        if (options.svg !== undefined) writeFileSync(options.svg, renderSVG(made.uri));
        session.out.one(
          made,
          () =>
            `${renderUnicodeCompact(made.uri)}\n\n${renderFacts([
              ['device', made.device],
              ['code', pc.bold(made.code)],
              ['ends', made.expiresAt],
            ])}`,
        );
        session.out.hint('It works once, and cannot be shown again.');
      },
    );
}

function certificate(): Command {
  return new Command('certificate')
    .description("sign a device's certificate request by the project's own authority")
    .argument('<name>')
    .requiredOption('--csr <file>', 'PKCS #10 in PEM')
    .option('--days <n>', 'how long it is valid', integer('--days', 1, 825), 365)
    .option('--out <file>', 'where the certificate goes', 'device.pem')
    .addHelpText(
      'after',
      `
docs/provisioning.md shows how openssl makes a request.

Example:
  $ npx tinyfleet device certificate pump-17 --csr device.csr --out device.pem`,
    )
    .action(async (name: string, options: { csr: string; days: number; out: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const signed = await client.call('deviceCertificate', {
        params: { project: await session.project(), device: name },
        body: { csr: readInput(options.csr).toString('utf8'), days: options.days },
      });
      writeFileSync(options.out, signed.certificate);
      session.out.one(signed, () =>
        renderFacts([
          ['certificate', options.out],
          ['ends', signed.expiresAt],
        ]),
      );
    });
}
