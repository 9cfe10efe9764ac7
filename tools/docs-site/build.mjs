// Makes tools/docs-site/dist anew: pages that are gone are gone. Run in the root of the repository by tools/workspace/build.mjs.
import { rmSync } from 'node:fs';
import Eleventy from '@11ty/eleventy';

const output = 'tools/docs-site/dist';
rmSync(output, { recursive: true, force: true });
const configPath = 'tools/docs-site/eleventy.config.mjs';
await new Eleventy('docs', output, { configPath, quietMode: true }).write();
