/** `tinyfleet model`: import, list, show, name-build. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { labels as readLabels, modelRef, readInput, readModel, releaseRef, usage } from '../arguments.js';
import { ago, bar, bytes, count, percent, shortDigest } from '../output/format.js';
import { LiveView } from '../output/live.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session, all } from '../session.js';

interface ImportOptions {
  name: string;
  version?: string;
  labels?: string;
  validation?: string;
  calibration?: string;
}

interface NameBuildOptions {
  nrf?: string;
  build?: string;
  for: string;
  classes?: string;
}

export function modelCommand(): Command {
  const command = new Command('model').description(
    'Models: import, list, show, name what foreign firmware runs',
  );

  command
    .command('import')
    .description('import a model file as a new version')
    .argument(
      '<file>',
      '.tflite, .onnx, .keras, .h5, .json of trees, or the folder of a tfjs model; quantized or float',
    )
    .requiredOption('--name <name>', 'model, made when it does not exist')
    .option('--version <version>', 'semantic version (default: the next minor)')
    .option('--labels <list>', 'classes in output order: comma list, or a file with one per line')
    .option('--validation <x.npy,y.npy>', 'labelled validation data: inputs and class numbers')
    .option(
      '--calibration <x.npy>',
      'typical inputs of a float model, about 100: its int8 scales are made from them',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet model import kws.tflite --name kws --labels yes,no,unknown
  $ npx tinyfleet model import v2.tflite --name vibration --labels @labels.txt --validation x.npy,y.npy
  $ npx tinyfleet model import fan.h5 --name fan --calibration typical.npy`,
    )
    .action(async (file: string, options: ImportOptions, self: Command) =>
      importModel(Session.of(self), file, options),
    );

  command
    .command('list')
    .description('models')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet model list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const items = await all((query) => client.call('modelList', { params: { project }, query }));
      session.out.list(
        items,
        [
          { header: 'name', value: (m) => m.name },
          { header: 'latest', value: (m) => m.latestVersion },
          { header: 'versions', value: (m) => m.versionCount },
          { header: 'created', value: (m) => m.createdAt, text: (m) => ago(m.createdAt) },
        ],
        'No models yet. npx tinyfleet model import FILE --name NAME',
      );
    });

  command
    .command('show')
    .description('versions of a model, or one version')
    .argument('<name[@version]>')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx tinyfleet model show kws\n  $ npx tinyfleet model show kws@1.1.0',
    )
    .action(async (text: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const { model, version } = modelRef(text);
      if (version === undefined) {
        const items = await all((query) =>
          client.call('modelVersionList', { params: { project, model }, query }),
        );
        session.out.list(items, [
          { header: 'version', value: (v) => v.version },
          { header: 'file', value: (v) => v.fileName },
          { header: 'bytes', value: (v) => v.sourceBytes },
          { header: 'MACs', value: (v) => v.macs, text: (v) => count(v.macs) },
          { header: 'classes', value: (v) => v.labels.length },
          {
            header: 'validation',
            value: (v) => v.hasValidationData,
            text: (v) => (v.hasValidationData ? 'yes' : 'no'),
          },
          { header: 'digest', value: (v) => shortDigest(v.sourceDigest) },
          { header: 'created', value: (v) => v.createdAt, text: (v) => ago(v.createdAt) },
        ]);
        return;
      }
      const found = await client.call('modelVersionGet', { params: { project, model, version } });
      session.out.one(found, () =>
        [
          renderFacts([
            ['model', `${found.model}@${found.version}`],
            ['file', `${found.fileName}, ${found.format}, ${bytes(found.sourceBytes)}`],
            ['SHA-256', found.sourceDigest],
            ['labels', found.labels.join(', ')],
            ['MACs', count(found.macs)],
            ['operators', operators(found.operators)],
            ['validation data', found.hasValidationData ? 'yes' : 'no'],
            ['calibration', found.hasCalibrationData ? 'yes' : 'no'],
            ['imported', `${ago(found.createdAt)} by ${found.createdBy}`],
          ]),
          renderTable(
            [
              ...found.inputs.map((t) => ({ ...t, way: 'input' })),
              ...found.outputs.map((t) => ({ ...t, way: 'output' })),
            ],
            [
              { header: 'tensor', value: (t) => t.way },
              { header: 'name', value: (t) => t.name },
              { header: 'type', value: (t) => t.dtype },
              { header: 'shape', value: (t) => t.shape.join('x') },
              { header: 'scale', value: (t) => (t.scale === null ? null : String(t.scale)) },
              { header: 'zero point', value: (t) => (t.zeroPoint === null ? null : String(t.zeroPoint)) },
            ],
          ),
        ].join('\n\n'),
      );
    });

  command
    .command('name-build')
    .description('windows of firmware that is not ours, by the build that they name, are of a version')
    .argument('<name@version>', 'a model that was imported')
    .option('--nrf <id/version>', 'model id and version of the nRF Edge AI add-on, such as 7/2')
    .option('--build <hex>', 'the 8 bytes that windows have as `build`: 16 hexadecimal digits')
    .requiredOption('--for <type>', 'device type')
    .option('--classes <n>', 'that its windows count; 0 when they count none (default: those of the model)')
    .addHelpText(
      'after',
      `
A build is one version for good. Windows that came before are shown by it after npx tinyfleet telemetry backfill --from DAY.

Example:
  $ npx tinyfleet model name-build kws@1.1.0 --nrf 7/2 --for nrf52840-dk`,
    )
    .action(async (text: string, options: NameBuildOptions, self: Command) => {
      const session = Session.of(self);
      const body = {
        build: foreignBuild(options),
        deviceType: options.for,
        ...(options.classes === undefined ? {} : { classes: Number(options.classes) }),
      };
      const client = await session.client();
      const params = { project: await session.project(), ...releaseRef(text) };
      const found = await client.call('modelForeignBuild', { params, body });
      session.out.one(found, () => `build ${body.build} is ${pc.bold(`${found.model}@${found.version}`)}`);
    });

  return command;
}

/** The build's 8 bytes in hexadecimal digits. @throws cli.usage */
function foreignBuild({ nrf, build }: NameBuildOptions): string {
  if ((nrf === undefined) === (build === undefined)) usage('Give --nrf or --build, one of them.');
  if (build !== undefined) return build.toLowerCase();
  const numbers = (nrf ?? '').split('/').map((part) => (part === '' ? NaN : Number(part)));
  if (numbers.length !== 2 || !numbers.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32))
    usage('--nrf is the model id and its version, such as 7/2.');
  return numbers.map((n) => n.toString(16).padStart(8, '0')).join('');
}

async function importModel(session: Session, file: string, options: ImportOptions): Promise<void> {
  const { bytes: content, fileName } = readModel(file);
  const labels = options.labels === undefined ? undefined : readLabels(options.labels).join(',');
  const validation = options.validation?.split(',').map((path) => path.trim());
  if (validation !== undefined && validation.length !== 2)
    usage('--validation takes two files: inputs and class numbers, such as x.npy,y.npy.');
  const parts = [
    ['inputs', validation?.[0]],
    ['labels', validation?.[1]],
    ['calibration', options.calibration],
  ] as const;
  const files = parts.flatMap(([part, path]) =>
    path === undefined ? [] : [{ part, data: readInput(path) }],
  );
  const client = await session.client();
  const project = await session.project();
  let version = await client.call('modelImport', {
    params: { project, model: options.name },
    query: {
      fileName,
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(labels === undefined ? {} : { labels }),
    },
    body: upload(session, content, fileName),
  });
  for (const { part, data } of files) {
    version = await client.call('modelValidation', {
      params: { project, model: version.model, version: version.version, part },
      body: upload(session, data, part),
    });
  }
  const reference = `${version.model}@${version.version}`;
  session.out.one(version, () =>
    [
      `${pc.green('imported')}  ${pc.bold(reference)}`,
      renderFacts([
        ['file', `${version.fileName}, ${bytes(version.sourceBytes)}`],
        ['input', tensors(version.inputs)],
        ['output', tensors(version.outputs)],
        ['operators', operators(version.operators)],
        ['MACs', count(version.macs)],
        ['labels', version.labels.join(', ')],
        ['validation data', version.hasValidationData ? 'yes' : 'no'],
        ...calibrationFact(version),
      ]),
    ].join('\n'),
  );
  session.out.hint(`Next: npx tinyfleet build ${version.model} --for wasm`);
}

/** Float models only: without samples their scales are guesses. */
function calibrationFact(version: CallOutput<'modelImport'>): [string, string][] {
  if (version.inputs.every(({ dtype }) => dtype !== 'float32')) return [];
  if (version.hasCalibrationData) return [['calibration', 'samples given']];
  const source = version.hasValidationData ? 'the validation inputs' : 'none: give --calibration x.npy';
  return [['calibration', source]];
}

/** Large files go as a stream with a progress bar; small ones as they are. */
function upload(
  session: Session,
  content: Uint8Array,
  name: string,
): Uint8Array | ReadableStream<Uint8Array> {
  const bytesTotal = content.length;
  if (bytesTotal < 512 * 1_024 || session.out.isPlain || !process.stderr.isTTY) return content;
  const view = new LiveView();
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = content.subarray(at, at + 65_536);
      at += chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      view.draw([`${name} ${bar(at / bytesTotal)} ${percent(at / bytesTotal)} of ${bytes(bytesTotal)}`], '');
      if (at >= bytesTotal) {
        view.clear();
        controller.close();
      }
    },
  });
}

const tensors = (list: ReadonlyArray<{ dtype: string; shape: number[] }>) =>
  list.map((t) => `${t.dtype} ${t.shape.join('x')}`).join(', ');

const operators = (table: Readonly<Record<string, number>>) =>
  Object.entries(table)
    .map(([name, n]) => (n === 1 ? name : `${name} x${n}`))
    .join(', ');
