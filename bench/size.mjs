// Bytes of code, constants, static RAM, stack and context of the firmware against the committed table size-table.json.
// A row may be at most 2 % over its committed number; `npm run bench -- size --update` writes a new table, and the
// commit says why. Cortex-M4 rows need arm-none-eabi-gcc; without it they are left out and said to be.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { stdout } from 'node:process';
import { cortexM, wasmSections } from '../firmware-stubs/size.mjs';
import { bar, printBars } from './report.mjs';

const TABLE = new URL('size-table.json', import.meta.url);
const MODULE = new URL('../firmware-stubs/ports/wasm/tinyfleet.wasm', import.meta.url);
const TOLERANCE = 1.02;

export async function run(args) {
  const measured = await measure();
  const table = existsSync(TABLE) ? JSON.parse(readFileSync(TABLE, 'utf8')) : {};
  const update = args.includes('--update');
  const bars = Object.entries(measured).map(([row, bytes]) => {
    const committed = table[row] ?? (update ? bytes : 0);
    // A row that is 0 must stay 0: any byte over it counts as infinitely more, shown as its bytes.
    const ratio = committed === 0 ? (bytes === 0 ? 1 : bytes) : bytes / committed;
    return {
      ...bar({ id: `size.${row}`, value: ratio, bar: TOLERANCE, better: 'lower', unit: 'x committed' }),
      bytes,
    };
  });
  printBars(bars);
  stdout.write('\n');
  for (const [row, bytes] of Object.entries(measured)) stdout.write(`${row.padEnd(34)} ${bytes} B\n`);
  for (const row of Object.keys(table)) {
    if (!(row in measured))
      stdout.write(`${row.padEnd(34)} left out: its compiler is not installed (npm run setup-test-deps)\n`);
  }
  if (update) {
    writeFileSync(TABLE, `${JSON.stringify({ ...table, ...measured }, null, 2)}\n`);
    stdout.write('wrote bench/size-table.json\n');
  }
  return { bars };
}

/** Row name -> bytes. */
async function measure() {
  const rows = {};
  const wasm = wasmSections(readFileSync(MODULE));
  rows['wasm.code'] = wasm.code;
  rows['wasm.data'] = wasm.data;
  rows['wasm.module'] = readFileSync(MODULE).length;
  // The committed module is reproduced byte for byte by a test, so nothing is compiled for its rows here.
  const m4 = await cortexM();
  if (m4 === null) return rows;
  for (const part of ['runtime', 'agent']) {
    rows[`m4.${part}.text`] = m4[part].text;
    rows[`m4.${part}.static-ram`] = m4[part].staticRam;
  }
  // Signature code is the port's choice, so it is no part of the agent's row.
  rows['m4.crypto.ed25519'] = m4.crypto.text;
  rows['m4.crypto.static-ram'] = m4.crypto.staticRam;
  for (const [struct, bytes] of Object.entries(m4.contexts)) rows[`m4.context.${struct}`] = bytes;
  for (const [entry, bytes] of Object.entries(m4.worstStack)) rows[`m4.stack.${entry}`] = bytes;
  return rows;
}
