/**
 * Starts the product the way a user does, `npm start`, with its own data directory and free ports, for end-to-end
 * tests and benchmarks. Stops it the way a user does, with Ctrl-C to the process group.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Root of the checkout. */
export const workspaceRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** What `npx tinyfleet` starts, a second sooner: for pages of documentation with dozens of commands, in any folder. */
export const tinyfleetBin = join(workspaceRoot, 'node_modules/.bin/tinyfleet');

/** What `npm run build` does, without the dashboard: for tests that start processes from dist. */
export async function buildWorkspace(): Promise<void> {
  const script = `import('./tools/workspace/build.mjs').then(({ build }) => build({ quiet: true, sites: false }))`;
  await promisify(execFile)(process.execPath, ['-e', script], {
    cwd: workspaceRoot,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

export interface ProductOptions {
  /** Further arguments of `npm start --`, e.g. `--no-demo`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** An existing data directory; by default a new one that `stop` removes. */
  readonly dataDir?: string;
  /** How long the start may take. Default 120,000. */
  readonly timeoutMs?: number;
  /** Checkout to run. Default: this one. */
  readonly root?: string;
}

export interface Product {
  readonly url: string;
  readonly mqttPort: number;
  /** API token of the CLI context that the first start writes. */
  readonly token: string;
  readonly dataDir: string;
  /** Everything printed so far. */
  readonly output: () => string;
  readonly setupUrl: string | undefined;
  /** Milliseconds from spawn until HTTP was ready. */
  readonly readyMs: number;
  readonly pid: number;
  /** Sends Ctrl-C and waits until every process of it has ended. */
  readonly stop: () => Promise<void>;
  /** Runs `npx tinyfleet ...` against this product as a user would. */
  readonly cli: (...args: string[]) => Promise<CliResult>;
  /** Runs a line of documentation in a shell in the checkout, against this product. */
  readonly shell: (line: string) => Promise<CliResult>;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface CliContext {
  readonly url: string;
  readonly token: string;
  readonly mqttUrl?: string;
}

/** @throws Error with everything that was printed when the product does not become ready in time. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const root = options.root ?? workspaceRoot;
  const made = options.dataDir === undefined ? await makeDataDir() : undefined;
  const dataDir = options.dataDir ?? join(made ?? '', 'data');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    TINYFLEET_DATA_DIR: dataDir,
    NO_COLOR: '1',
    ...options.env,
  };
  // A test runner's own flags are not the product's.
  delete env['NODE_OPTIONS'];
  const started = Date.now();
  const child = spawn(
    'npm',
    ['--silent', 'start', '--', '--http-port', '0', '--mqtt-port', '0', ...(options.args ?? [])],
    { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  let hasEnded = false;
  child.on('exit', () => (hasEnded = true));
  const stop = async () => {
    signalGroup(child, 'SIGINT');
    // npm ends by the signal itself, so its exit says nothing of the others: the whole group has to be gone.
    const deadline = Date.now() + 30_000;
    while ((!hasEnded || groupExists(child)) && Date.now() < deadline) await after(50);
    const stuck = groupExists(child);
    if (stuck) signalGroup(child, 'SIGKILL');
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    if (stuck) throw new Error(`Ctrl-C did not stop the product within 30 s:\n${text}`);
  };

  try {
    const context = await waitForReady(() => text, child, started, options.timeoutMs ?? 120_000, dataDir);
    const readyMs = Date.now() - started;
    const mqttPort = Number(/mqtts?:\/\/[^\s:]+:(\d+)/.exec(text)?.[1] ?? 0);
    return {
      url: context.url,
      mqttPort,
      token: context.token,
      dataDir,
      output: () => text,
      setupUrl: /https?:\/\/\S+\/setup#\S+/.exec(text)?.[0],
      readyMs,
      pid: child.pid ?? 0,
      stop,
      cli: (...args) => runCommand('npx', ['tinyfleet', ...args], { cwd: root, env }),
      shell: (line) => runCommand('sh', ['-c', line], { cwd: root, env }),
    };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

/**
 * A directory that the database's unprivileged user can reach when the test runs as root (mkdtemp alone makes it
 * unreachable to others).
 */
async function makeDataDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tinyfleet-test-'));
  await chmod(dir, 0o711);
  return dir;
}

async function waitForReady(
  output: () => string,
  child: ChildProcess,
  started: number,
  timeoutMs: number,
  dataDir: string,
): Promise<CliContext> {
  while (Date.now() - started < timeoutMs) {
    if (child.exitCode !== null)
      throw new Error(`the product ended with code ${child.exitCode}:\n${output()}`);
    const context = await readContext(dataDir);
    if (context !== undefined && output().includes(context.url) && (await isReady(context.url)))
      return context;
    await after(25);
  }
  throw new Error(`the product was not ready within ${timeoutMs} ms:\n${output()}`);
}

async function readContext(dataDir: string): Promise<CliContext | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, 'cli-context.json'), 'utf8')) as CliContext;
  } catch {
    return undefined;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).status === 200;
  } catch {
    return false;
  }
}

function runCommand(
  command: string,
  args: readonly string[],
  where: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...where, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('exit', (code) => resolve({ code, stdout, stderr }));
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended already.
  }
}

function groupExists(child: ChildProcess): boolean {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 0);
    return child.pid !== undefined;
  } catch {
    return false;
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
