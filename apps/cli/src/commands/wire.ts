/** `tinyfleet wire`: encode and decode messages and manifests of the device protocol, without a server. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import type { Messages } from '@tinyfleet/wire';
import { readInput, usage } from '../arguments.js';
import { Session } from '../session.js';

type MessageName = keyof Messages;

const MESSAGES = 'hello, state, want, telemetry, sample, desired, chunk, ask or manifest';

export function wireCommand(): Command {
  const command = new Command('wire').description('Encode and decode messages of the device protocol');

  command
    .command('decode')
    .description('print a captured payload as JSON')
    .argument('<message>', MESSAGES)
    .argument('[hex]', 'hexadecimal; default: standard input, raw or hexadecimal')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx tinyfleet wire decode ask a20101020a\n  $ npx tinyfleet wire decode telemetry < payload.bin',
    )
    .action(async (message: string, hex: string | undefined, _options, self: Command) => {
      const wire = await import('@tinyfleet/wire');
      const bytes = payload(hex === undefined ? readFileSync(0) : Buffer.from(hex, 'utf8'));
      const decoded: unknown =
        message === 'manifest'
          ? manifestJson(wire.parseManifest(bytes))
          : wire.messageToJson(known(wire, message), wire.decode(known(wire, message), bytes), 'hex');
      Session.of(self).out.line(JSON.stringify(decoded, undefined, 2));
    });

  command
    .command('encode')
    .description('print a message, given as JSON, as hexadecimal CBOR')
    .argument('<message>', MESSAGES)
    .argument('[file]', 'JSON as decode prints it (default: standard input)')
    .option('--raw', 'bytes instead of hexadecimal')
    .addHelpText(
      'after',
      `\nExample:\n  $ echo '{"counter":1,"command":"say-hello"}' | npx tinyfleet wire encode ask`,
    )
    .action(async (message: string, file: string | undefined, options: { raw?: boolean }, self: Command) => {
      const wire = await import('@tinyfleet/wire');
      const text = (file === undefined ? readFileSync(0) : readInput(file)).toString('utf8');
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch (error) {
        throw new FleetError('wire.json-invalid', { reason: (error as Error).message });
      }
      const name = known(wire, message);
      const bytes = Buffer.from(wire.encode(name, wire.messageFromJson(name, json, 'hex')));
      if (options.raw === true) process.stdout.write(bytes);
      else Session.of(self).out.line(bytes.toString('hex'));
    });

  return command;
}

function known(wire: { readonly messageNames: readonly MessageName[] }, message: string): MessageName {
  const name = wire.messageNames.find((n) => n === message);
  return name ?? usage(`"${message}" is not a message: ${MESSAGES}.`);
}

/** Hexadecimal text (blanks and an 0x are fine), else the bytes themselves. */
function payload(input: Buffer): Uint8Array {
  const text = input.toString('latin1').replace(/\s+/g, '').replace(/^0x/i, '');
  const isHex = text.length > 0 && text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text);
  return new Uint8Array(isHex ? Buffer.from(text, 'hex') : input);
}

function manifestJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'signed')
      .map(([name, v]) => [name, manifestJson(v)]),
  );
}
