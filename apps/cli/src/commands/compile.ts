/** `tinyfleet compile`: a model file as a bundle, a C library or a .tflite file, on this machine, without a server. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { Command, Option } from 'commander';
import type * as Compiler from '@tinyfleet/compiler';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { labels as readLabels, readModel } from '../arguments.js';
import { bytes, count, plural } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';

const backends = ['bundle', 'c', 'tflite'] as const;
type Backend = (typeof backends)[number];

interface Options {
  backend: Backend;
  out?: string;
  name?: string;
  labels?: string;
  force?: true;
}

/** No device type is asked for: what fits where is a question for `tinyfleet build`. */
const ANY_DEVICE: Compiler.CompileOptions['deviceType'] = {
  name: 'any',
  core: 'm4',
  clockHz: 100_000_000,
  slotBytes: 2 ** 32 - 1,
  arenaBytes: 2 ** 32 - 1,
};

export function compileCommand(): Command {
  return new Command('compile')
    .description('Compile a model file here, without a server: a bundle, a C library or a .tflite file')
    .argument('<file>', '.tflite, .onnx, .keras, .h5, .json of trees, or the folder of a tfjs model')
    .addOption(new Option('--backend <backend>', 'what to make').choices(backends).default('bundle'))
    .option('-o, --out <path>', 'file, or folder of a C library (default: from the name, beside you)')
    .option('--name <name>', "model's name, also that of the C functions (default: the file's)")
    .option('--labels <list>', 'classes in output order: comma list, or a file with one per line')
    .option('--force', 'write over what is there')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet compile kws.tflite --backend c --labels yes,no,unknown --out kws-library
  $ npx tinyfleet compile kws.tflite --backend bundle --out kws.bundle
  $ npx tinyfleet compile kws.tflite --backend tflite --out kws-int8.tflite`,
    )
    .action(async (file: string, options: Options, self: Command) => {
      const session = Session.of(self);
      const name = options.name ?? basename(file, extname(file));
      const out =
        options.out ??
        { bundle: `${name}.bundle`, c: `${name}-c`, tflite: `${name}-int8.tflite` }[options.backend];
      if (options.force !== true) refuseExisting(out);
      // Loaded late: the compiler is the largest part of the program.
      const compiler = await import('@tinyfleet/compiler');
      const result = await compiler.compile(readModel(file), {
        deviceType: ANY_DEVICE,
        model: name,
        ...(options.labels === undefined ? {} : { labels: readLabels(options.labels) }),
      });
      const files = await filesOf(compiler, options.backend, result, out);
      for (const [path, content] of files) write(path, content);
      session.out.one({ report: result.report, files: [...files.keys()] }, () =>
        summary(result, out, files.size),
      );
    });
}

async function filesOf(
  compiler: typeof Compiler,
  backend: Backend,
  result: Compiler.CompileResult,
  out: string,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  switch (backend) {
    case 'bundle':
      return new Map([[out, result.bundle]]);
    case 'tflite':
      return new Map([[out, compiler.tfliteModel(result)]]);
    case 'c':
      return new Map([...(await compiler.cLibrary(result))].map(([path, text]) => [join(out, path), text]));
  }
}

/** @throws cli.file-exists for a file, or a folder that holds anything */
function refuseExisting(path: string): void {
  if (!existsSync(path)) return;
  try {
    if (readdirSync(path).length === 0) return;
  } catch {
    // A file.
  }
  throw new FleetError('cli.file-exists', { path });
}

function write(path: string, content: string | Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  } catch (error) {
    throw new FleetError('cli.file-unwritable', { path, reason: (error as Error).message });
  }
}

function summary({ report }: Compiler.CompileResult, out: string, files: number): string {
  const facts = renderFacts([
    ['written', files === 1 ? out : `${out}, ${plural(files, 'file')}`],
    ['constants', bytes(report.flash['constants'] ?? 0)],
    ['bundle', bytes(report.bundleBytes)],
    ['arena', bytes(report.arenaBytes)],
    ['state', bytes(report.stateBytes)],
    ['work', `${count(report.macs)} MACs in ${plural(report.ops.length, 'step')}`],
  ]);
  const warnings = report.diagnostics.map(({ severity, message }) => `${pc.yellow(severity)}  ${message}`);
  return [facts, ...warnings].join('\n');
}
