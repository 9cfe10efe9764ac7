// `npm run bench -- NAME`: builds what changed, then runs bench/NAME.mjs. A bench prints a readable table and, as its
// very last line, one JSON object with its bars. It exits non-zero when a bar (not an aim) is missed.
import { readdirSync } from 'node:fs';
import { argv, exit, stderr, stdout } from 'node:process';
import { build } from '../tools/workspace/build.mjs';

const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.mjs') && file !== 'run.mjs' && file !== 'report.mjs')
  .map((file) => file.slice(0, -4))
  .sort();
const name = argv[2];
if (name === undefined || !names.includes(name)) {
  stderr.write(`Which bench? npm run bench -- ${names.join(' | ')}\n`);
  exit(2);
}
await build({ quiet: true });
const { run } = await import(`./${name}.mjs`);
const result = await run(argv.slice(3));
stdout.write(`${JSON.stringify({ bench: name, bars: result.bars })}\n`);
exit(result.bars.every((bar) => bar.ok || bar.aim === true) ? 0 : 1);
