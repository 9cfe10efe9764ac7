/** The worker thread: one model file or one pair of bundles in, one answer out. It has no database and no network. */
import { parentPort, workerData } from 'node:worker_threads';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  compile,
  estimate,
  inspect,
  latencyBoundUs,
  type CompileOptions,
  type CompileResult,
} from '@tinyfleet/compiler';
import { isFleetError } from '@tinyfleet/errors';
import type { BundleNeeds } from '@tinyfleet/releases';
import { readBundle, type BundleView } from '@tinyfleet/runtime';
import { encodePayload } from './encode-payload.js';
import type { WorkerReply, WorkerRequest } from './messages.js';

const request = workerData as WorkerRequest;
const reply = (message: WorkerReply, transfer: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, [...transfer]);

try {
  if (request.kind === 'payload') {
    const payload = await encodePayload(request);
    reply({ kind: 'encoded', payload }, [payload.buffer]);
  } else if (request.kind === 'inspect') {
    const source = { bytes: request.bytes, fileName: request.fileName };
    const { inputs, outputs, operators, macs, format, ...rest } = inspect(source);
    reply({
      kind: 'inspected',
      format,
      contract: { inputs, outputs, operators, macs },
      inspection: { ...rest },
    });
  } else {
    const source = { bytes: request.bytes, fileName: request.fileName };
    const options = request.options as unknown as CompileOptions;
    const result = await compile(source, options, {
      onProgress: ({ stage, progress }) => reply({ kind: 'progress', stage, progress }),
    });
    const bundle = new Uint8Array(result.bundle);
    const guess = estimate(result.report.ops, options.deviceType);
    const needs = {
      ...needsOf(bundle, result.report, options.deviceType),
      ...(guess && { estimateUs: Math.ceil(guess.milliseconds * 1_000) }),
    };
    reply({ kind: 'compiled', bundle, report: { ...result.report }, needs }, [bundle.buffer]);
  }
} catch (error) {
  if (isFleetError(error)) reply({ kind: 'failed', code: error.code, data: { ...error.data } });
  else reply({ kind: 'broken', message: (error as Error).stack ?? String(error) });
}

function needsOf(
  bundle: Uint8Array,
  report: Pick<CompileResult['report'], 'ops'>,
  deviceType: CompileOptions['deviceType'],
): BundleNeeds {
  const view = readBundle(bundle);
  // Nothing is estimated of a front end, and it runs in the self-test.
  const latencyUs = view.stages.length === 0 ? latencyBoundUs(report.ops, deviceType) : undefined;
  const monitors = view.sections.monitors;
  return {
    abi: (view.abi.major << 16) | view.abi.minor,
    opSet: trimmedHex(view.opSet),
    ownOpSet: trimmedHex(view.ownOpSet),
    arenaBytes: view.arenaBytes,
    stateBytes: view.stateBytes,
    classes: view.outputs.find(({ classes }) => classes > 0)?.classes ?? 0,
    ...(latencyUs === undefined ? {} : { latencyUs }),
    opVersions: Object.fromEntries(
      view.steps.flatMap(({ number, version }) => (version === 1 ? [] : [[String(number), version]])),
    ),
    stages: stagesOf(view),
    ...sensorOf(view),
    schemaCrc: monitors ? crc32(bundle.subarray(monitors.offset, monitors.offset + monitors.length)) : 0,
    inputBytes: view.inputs.reduce((sum, { bytes }) => sum + bytes, 0),
    inputsDigest: inputsDigest(bundle, view),
  };
}

/** What shadow.c compares: the contract of each input wherever it lies in the arena, and the front end. */
function inputsDigest(bundle: Uint8Array, { inputs, sections }: BundleView): string {
  const hash = createHash('sha256');
  for (const { name: _, offset: __, ...contract } of inputs) hash.update(JSON.stringify(contract));
  const { front_end: frontEnd } = sections;
  if (frontEnd) hash.update(bundle.subarray(frontEnd.offset, frontEnd.offset + frontEnd.length));
  return hash.digest('hex');
}

/** Byte n = version of stage n. */
function stagesOf({ stages }: BundleView): string {
  const versions = Buffer.alloc(Math.max(0, ...stages.map(({ stage }) => stage + 1)));
  for (const { stage, version } of stages) versions[stage] = version;
  return versions.toString('hex');
}

/** What the device compares with its own sensors: the first input's. */
function sensorOf({ inputs }: BundleView): Pick<BundleNeeds, 'sensor'> {
  const [input] = inputs;
  if (!input || input.sensor === 0) return {};
  const { sensor, axes, unit, fullScale, sampleRateMhz } = input;
  return { sensor: { sensor, axes, unit, fullScale, sampleRateMhz } };
}

/** Hex without trailing zero bytes, as manifests and hello carry op sets. */
function trimmedHex(bytes: Uint8Array): string {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return Buffer.from(bytes.subarray(0, length)).toString('hex');
}
