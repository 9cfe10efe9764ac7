/** Where things lie: the checkout, the data directory and the files the CLI keeps. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout: three levels above src/ or dist/. */
export const workspaceRoot = resolve(fileURLToPath(new URL('../../../', import.meta.url)));

/** As the server chooses it: TINYFLEET_DATA_DIR, else /var/lib/tinyfleet for root, else .tinyfleet in the checkout. A flag is relative to here, the variable to the checkout. */
export function dataDir(named?: string): string {
  if (named !== undefined) return resolve(named);
  const env = process.env['TINYFLEET_DATA_DIR'];
  if (env !== undefined && env !== '') return resolve(workspaceRoot, env);
  return process.getuid?.() === 0 ? '/var/lib/tinyfleet' : join(workspaceRoot, '.tinyfleet');
}

/** Written by the server at its first start, 0600. */
export function serverContextFile(directory: string): string {
  return join(directory, 'cli-context.json');
}

/** Written by `tinyfleet login`, 0600; wins over the server's. */
export function loginFile(): string {
  const base = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
  return join(base, 'tinyfleet', 'login.json');
}

export const programs = {
  server: join(workspaceRoot, 'apps/server/dist/main.js'),
  simulator: join(workspaceRoot, 'apps/simulator/dist/main.js'),
  scenarios: join(workspaceRoot, 'apps/simulator/scenarios'),
  demoModels: join(workspaceRoot, 'tools/demo-model/models'),
} as const;
