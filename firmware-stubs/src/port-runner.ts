// Runs bundles on the native ports of the inference runtime: the host, and QEMU's Cortex-M boards. For tests, benches and
// measured figures; it needs a C compiler and QEMU (npm run setup-test-deps), which the product does not.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CORES, buildCortexM, type Core } from '../ports/cortex-m/build.mjs';
import { buildPosix } from '../ports/posix/build.mjs';

/** `sanitized` is the host with AddressSanitizer and UBSan; the others but `host` are cores under QEMU. */
export type Port = 'host' | 'sanitized' | Core;

export const PORTS: readonly Port[] = ['host', 'sanitized', 'm3', 'm4', 'm7'];

export interface PortInference {
  /** CRC-32 of all outputs. */
  readonly outputsCrc: number;
  /** Instructions on a core, nanoseconds on the host. */
  readonly cost: number;
  /** Highest use of the stack by fleet_run, 0 on the host. */
  readonly stackBytes: number;
  /** Only when steps were asked for. Costs on cores are multiples of 40. */
  readonly steps: readonly { readonly crc: number; readonly cost: number }[];
}

export interface PortRun {
  readonly arenaBytes: number;
  readonly stateBytes: number;
  readonly loadCost: number;
  readonly costUnit: string;
  readonly inferences: readonly PortInference[];
  /** Outputs of all inferences, one after the other. */
  readonly outputs: Uint8Array;
}

export interface PortOptions {
  /** CRC and cost of every step. */
  readonly steps?: boolean;
  /** Initial state before every inference, not only before the first. */
  readonly reset?: boolean;
  /** Default 120,000. */
  readonly timeoutMs?: number;
}

/** The runtime refused the bundle, or a kernel or golden vector failed: `code` as in docs/errors. */
export class PortError extends Error {
  constructor(
    readonly code: number,
    readonly step: number,
  ) {
    super(`fleet-run: error ${code}, step ${step}`);
  }
}

/**
 * One inference per input tensor set that `inputs` holds, one after the other.
 * @throws PortError when the runtime refuses; Error with everything printed when the program dies.
 */
export async function runOnPort(
  port: Port,
  bundle: Uint8Array,
  inputs: Uint8Array,
  options: PortOptions = {},
): Promise<PortRun> {
  return inFolder(async (folder) => {
    await writeFile(join(folder, 'inputs'), inputs);
    const args = ['bundle', 'inputs', '--outputs', 'outputs'];
    if (options.steps) args.push('--steps');
    if (options.reset) args.push('--reset');
    const text = await execute(port, folder, bundle, args, options);
    return { ...parse(text), outputs: await readFile(join(folder, 'outputs')) };
  });
}

/** Runs the bundle's own golden vectors and gives their number. Throws as `runOnPort`. */
export async function selfTestOnPort(
  port: Port,
  bundle: Uint8Array,
  options: Pick<PortOptions, 'timeoutMs'> = {},
): Promise<number> {
  const text = await inFolder((folder) => execute(port, folder, bundle, ['bundle'], options));
  return text.match(/^golden \d+ passed$/gm)?.length ?? 0;
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-port-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

// File names are given relative to the folder: semihosting passes one line of words.
async function execute(
  port: Port,
  folder: string,
  bundle: Uint8Array,
  args: readonly string[],
  { timeoutMs = 120_000 }: PortOptions,
): Promise<string> {
  await writeFile(join(folder, 'bundle'), bundle);
  const [program, command] = await commandOf(port, args);
  const options = { cwd: folder, timeout: timeoutMs, maxBuffer: 1 << 28 };
  try {
    return (await promisify(execFile)(program, command, options)).stdout;
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    const refused = /^error (\d+) step (\d+)$/m.exec(stdout);
    if (refused !== null) throw new PortError(Number(refused[1]), Number(refused[2]));
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause });
  }
}

async function commandOf(port: Port, args: readonly string[]): Promise<[string, string[]]> {
  if (port === 'host' || port === 'sanitized')
    return [await buildPosix({ sanitize: port === 'sanitized' }), [...args]];
  const semihosting = ['enable=on', 'target=native', ...['fleet-run', ...args].map((arg) => `arg=${arg}`)];
  const image = await buildCortexM(port);
  return [
    'qemu-system-arm',
    ['-machine', CORES[port].board, '-kernel', image, '-icount', 'shift=0'].concat(
      ['-display', 'none', '-monitor', 'none', '-serial', 'none'],
      ['-semihosting-config', semihosting.join()],
    ),
  ];
}

function parse(text: string): Omit<PortRun, 'outputs'> {
  const [head = '', ...lines] = text.split('\n');
  const header = fields(head);
  const inferences: PortInference[] = [];
  let steps: { crc: number; cost: number }[] = [];
  for (const line of lines) {
    const values = fields(line);
    const crc = Number.parseInt(values['crc'] ?? '', 16);
    const cost = Number(values['cost']);
    if (line.startsWith('step ')) steps.push({ crc, cost });
    if (!line.startsWith('done ')) continue;
    inferences.push({ outputsCrc: crc, cost, stackBytes: Number(values['stack']), steps });
    steps = [];
  }
  return {
    arenaBytes: Number(header['arena']),
    stateBytes: Number(header['state']),
    loadCost: Number(header['load']),
    costUnit: header['unit'] ?? '',
    inferences,
  };
}

/** `key value key value ...`; a line of results starts with a word of its own. */
function fields(line: string): Partial<Record<string, string>> {
  const words = line.replace(/^done /, '').split(' ');
  return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? '']] : [])));
}
