// Code and RAM of the reduced profile on the ATmega328P: the program as it is linked.
import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { stdout } from 'node:process';
import { promisify } from 'node:util';
import { PROGRAM_BYTES, avrSections, buildAvr } from '../../firmware-stubs/ports/avr/build.mjs';
import { bar, table } from '../report.mjs';

const run = promisify(execFile);
const RAM_BYTES = 2048;

/** What of the program each source file is, by the linker's symbols and gcc's line tables, is more than is asked here. */
const PARTS = {
  'MQTT and CBOR': /^(fleet_mqtt|fleet_cbor|put_topic|send_some|flush|seal|session_due)/,
  'SHA-256, HMAC, manifest': /^(fleet_sha256|fleet_hmac|fleet_manifest|mac_matches|round_constants|template)/,
  'kernels and integers':
    /^(fleet_run_|exp_|two_over|fleet_reciprocal|fleet_fill|fleet_xorshift|fleet_crc32|high_mul|const_bytes)/,
  'loader and self-test':
    /^(reduced_load|reduced_run|reduced_self_test|take_record|is_tensor|find_section|check_step)/,
};

async function symbols(image) {
  const { stdout: text } = await run('avr-nm', ['-S', image]);
  return [...text.matchAll(/^[0-9a-f]+ ([0-9a-f]+) [tT] (\S+)$/gm)].map(([, size, name]) => ({
    name,
    bytes: Number.parseInt(size, 16),
  }));
}

export async function measureReduced() {
  const image = await buildAvr().catch((cause) => {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  });
  if (image === undefined) {
    stdout.write('reduced profile left out: avr-gcc is not installed (npm run setup-test-deps)\n');
    return [];
  }
  const sections = await avrSections(image);
  const program = sections['.text'] + sections['.data'];
  const ram = sections['.data'] + sections['.bss'] + sections['.noinit'];
  const parts = await symbols(image);
  const of = (pattern) => parts.reduce((sum, { name, bytes }) => sum + (pattern.test(name) ? bytes : 0), 0);
  table(
    ['reduced profile, ATmega328P, bytes', 'has', 'of'],
    [
      [`program and constants (${basename(image)})`, program, PROGRAM_BYTES],
      ...Object.entries(PARTS).map(([name, pattern]) => [`  ${name}`, of(pattern), '']),
      ['boot section: self-programming, start', sections['.bootloader'], 512],
      ['RAM placed: agent, MQTT buffers, serial ring', ram, RAM_BYTES],
      ['RAM left for the stack and one inference', RAM_BYTES - ram, ''],
    ],
  );
  return [
    bar({
      id: 'agent.reducedCode',
      value: program,
      bar: PROGRAM_BYTES,
      better: 'lower',
      unit: 'B on ATmega328P, beside two slots of 2 KB',
    }),
    bar({ id: 'agent.reducedRam', value: ram, bar: 1536, better: 'lower', unit: 'B placed in 2 KB of RAM' }),
  ];
}
