#!/usr/bin/env node
// The `tinyfleet` command: checks that this Node and this checkout can run it, then hands over to dist/main.js.
import { existsSync } from 'node:fs';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/main.js', import.meta.url);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`TinyFleet needs Node 20.19 or later; this is ${process.versions.node}.\n`);
  process.exit(8);
} else if (!existsSync(entry)) {
  process.stderr.write('TinyFleet is not built yet. Run `npm start` (or `npm run build`) once.\n');
  process.exit(8);
} else {
  await import(entry.href);
}
