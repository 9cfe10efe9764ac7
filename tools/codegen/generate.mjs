/**
 * `npm run generate`: runs every generator in generators/ and writes what differs; `--check` writes nothing and
 * fails when something differs. A generator exports `generate(root)` and returns files as {path, text}, paths
 * relative to the workspace, TypeScript and Markdown are formatted here; it may export `directories`, folders that hold generated files only, in which
 * anything it did not return is left over and goes.
 */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';

const here = dirname(fileURLToPath(import.meta.url));

/** @returns {Promise<{changed: string[], files: string[]}>} paths relative to `root`, changed ones were written unless `check` */
export async function generateAll(root, { check = false } = {}) {
  const names = (await readdir(join(here, 'generators'))).filter((name) => name.endsWith('.mjs')).sort();
  const changed = [];
  const files = [];
  for (const name of names) {
    const generator = await import(pathToFileURL(join(here, 'generators', name)).href);
    const made = [];
    for (const file of await generator.generate(root))
      made.push({ path: file.path, text: await formatted(root, file) });
    for (const file of made) {
      files.push(file.path);
      const target = join(root, file.path);
      const present = await readFile(target, 'utf8').catch(() => undefined);
      if (present === file.text) continue;
      changed.push(file.path);
      if (check) continue;
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, file.text);
    }
    for (const directory of generator.directories ?? []) {
      const entries = await readdir(join(root, directory), { recursive: true, withFileTypes: true }).catch(
        () => [],
      );
      for (const entry of entries) {
        if (!entry.isFile()) continue;
        const path = relative(root, join(entry.parentPath ?? entry.path, entry.name));
        if (made.some((file) => file.path === path)) continue;
        changed.push(path);
        if (!check) await rm(join(root, path));
      }
    }
  }
  return { changed, files };
}

/** As the workspace formats, so that the format check finds nothing to change in a generated file. */
async function formatted(root, { path, text }) {
  const parser = { '.ts': 'typescript', '.md': 'markdown' }[extname(path)];
  if (parser === undefined) return text;
  return format(text, { ...(await resolveConfig(join(root, path))), parser });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const check = process.argv.includes('--check');
  const root = join(here, '..', '..');
  try {
    const { changed, files } = await generateAll(root, { check });
    for (const path of changed) console.log(`${check ? 'differs' : 'wrote'}  ${path}`);
    if (check && changed.length > 0) {
      console.error(`${changed.length} generated files differ from their sources. Run npm run generate.`);
      process.exitCode = 1;
    } else {
      console.log(`${files.length} generated files, ${changed.length} ${check ? 'differ' : 'written'}`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
