// `npm start`: builds what changed, then runs `tinyfleet up` with the same arguments in this very process, so that a
// warm start pays for one Node start-up only. It knows nothing of the product itself.
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, root } from './packages.mjs';
import { build } from './build.mjs';

// Node 22.8 and later keep compiled code between starts; Node 20 has no such cache.
module.enableCompileCache?.(join(cacheDir, 'compile'));

try {
  await build();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

const cli = join(root, 'apps/cli');
const { bin } = JSON.parse(readFileSync(join(cli, 'package.json'), 'utf8'));
const entry = join(cli, bin.tinyfleet);
process.argv = [process.execPath, entry, 'up', ...process.argv.slice(2)];
await import(pathToFileURL(entry).href);
