/** The worker thread: one model file or one pair of bundles in, one answer out. It has no database and no network. */
import { parentPort, workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { compile, inspect, type CompileOptions } from '@tinyfleet/compiler';
import { isFleetError } from '@tinyfleet/errors';
import type { BundleNeeds } from '@tinyfleet/releases';
import { readBundle } from '@tinyfleet/runtime';
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
    const result = await compile(source, request.options as unknown as CompileOptions, {
      onProgress: ({ stage, progress }) => reply({ kind: 'progress', stage, progress }),
    });
    const bundle = new Uint8Array(result.bundle);
    const needs = needsOf(bundle);
    reply({ kind: 'compiled', bundle, report: { ...result.report }, needs }, [bundle.buffer]);
  }
} catch (error) {
  if (isFleetError(error)) reply({ kind: 'failed', code: error.code, data: { ...error.data } });
  else reply({ kind: 'broken', message: (error as Error).stack ?? String(error) });
}

function needsOf(bundle: Uint8Array): BundleNeeds {
  const view = readBundle(bundle);
  const monitors = view.sections.monitors;
  return {
    abi: (view.abi.major << 16) | view.abi.minor,
    opSet: trimmedHex(view.opSet),
    ownOpSet: trimmedHex(view.ownOpSet),
    arenaBytes: view.arenaBytes,
    stateBytes: view.stateBytes,
    classes: view.outputs.find(({ classes }) => classes > 0)?.classes ?? 0,
    schemaCrc: monitors ? crc32(bundle.subarray(monitors.offset, monitors.offset + monitors.length)) : 0,
  };
}

/** Hex without trailing zero bytes, as manifests and hello carry op sets. */
function trimmedHex(bytes: Uint8Array): string {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return Buffer.from(bytes.subarray(0, length)).toString('hex');
}
