/**
 * The compiler role: takes build jobs from the queue, runs each in a worker thread, stores bundle and report; and likewise
 * the jobs that make payloads of transfers.
 */
import { projectScope } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { BuildJob, BuildService, PayloadService } from '@tinyfleet/releases';
import {
  BUILD_QUEUE,
  PAYLOAD_EXPIRE_S,
  PAYLOAD_QUEUE,
  type BuildMessage,
  type PayloadMessage,
  type PgJobQueue,
} from '@tinyfleet/storage';
import { runCompiler } from '../compiler/compiler-thread.js';
import { threadedEncoder } from '../compiler/payload-encoder.js';
import type { RoleContext, RunningRole } from './role.js';

/** Progress is written at most this often; also how soon a cancelled build stops. */
const PROGRESS_MS = 500;
const STOP_GRACE_MS = 2_000;
const MAX_BUNDLE_BYTES = 256 * 1024 * 1024;

export async function startCompiler(
  context: RoleContext,
  services: {
    readonly builds: BuildService;
    readonly payloads: PayloadService;
    readonly jobs: PgJobQueue;
    readonly onlyWorker: boolean;
  },
): Promise<RunningRole> {
  const { config, log, blobs } = context;
  const { builds, payloads, jobs } = services;
  const stopping = new AbortController();

  async function run(data: unknown): Promise<void> {
    const message = data as BuildMessage;
    const scope = projectScope(message.projectId, message.project);
    const job = await builds.begin(scope, message.buildId);
    if (!job) return;
    const cancelled = new AbortController();
    const signal = AbortSignal.any([cancelled.signal, stopping.signal]);
    let now = { stage: 'read', progress: 0 };
    // Written by a timer and not by every message: one writer, and a silent stage notices a cancel too.
    const reporter = setInterval(() => {
      void builds
        .progress(scope, job, now.stage, now.progress)
        .then((going) => going || cancelled.abort())
        .catch((error: unknown) => log.warn({ err: error }, 'build progress is not stored'));
    }, PROGRESS_MS);
    try {
      const reply = await runCompiler(
        {
          kind: 'compile',
          fileName: job.fileName,
          bytes: await blobs.read(job.sourceDigest),
          options: await optionsOf(job),
        },
        {
          timeoutS: config.buildTimeoutS,
          signal,
          onProgress: (stage, progress) => (now = { stage, progress }),
        },
      );
      if (reply.kind !== 'compiled')
        throw new FleetError('builds.worker-died', { reason: 'an answer to something else' });
      const bundle = await blobs.put(reply.bundle, MAX_BUNDLE_BYTES);
      await builds.succeed(scope, job, { bundle, report: reply.report, needs: reply.needs });
      log.info(
        { model: job.model, version: job.version, type: job.type, bytes: bundle.bytes },
        'build succeeded',
      );
    } catch (error) {
      // On shutdown the job goes back to the queue; a cancelled one has its state already.
      if (stopping.signal.aborted) throw error;
      if (cancelled.signal.aborted) return;
      const known = isFleetError(error)
        ? error
        : new FleetError('builds.worker-died', { reason: (error as Error).message });
      log.warn({ err: error, model: job.model, version: job.version, type: job.type }, 'build failed');
      await builds.fail(scope, job, known);
    } finally {
      clearInterval(reporter);
    }
  }

  async function optionsOf(job: BuildJob): Promise<Record<string, unknown>> {
    const { validation, calibration, typeSpec } = job;
    return {
      ...pick(job.options, [
        'confidenceBins',
        'frontEnd',
        'goldenVectors',
        'inputRange',
        'optimize',
        'sensor',
        'state',
      ]),
      deviceType: typeSpec,
      model: job.model,
      version: job.version,
      labels: job.labels,
      ...(validation
        ? {
            validation: {
              inputs: new Uint8Array(await blobs.read(validation.inputs)),
              labels: new Uint8Array(await blobs.read(validation.labels)),
            },
          }
        : {}),
      ...(calibration ? { calibration: [new Uint8Array(await blobs.read(calibration))] } : {}),
    };
  }

  async function makePayload(data: unknown): Promise<void> {
    const { projectId, project, key } = data as PayloadMessage;
    const outcome = await payloads.compute(projectScope(projectId, project), key, encoder);
    if (outcome.state === 'failed') log.warn({ err: outcome.error, ...key }, 'payload failed');
    else log.info({ ...key, ...outcome }, 'payload made');
  }
  const encoder = threadedEncoder({ timeoutS: PAYLOAD_EXPIRE_S - 60, signal: stopping.signal });

  if (services.onlyWorker) {
    await jobs.releaseActive(BUILD_QUEUE);
    await jobs.releaseActive(PAYLOAD_QUEUE);
  }
  await jobs.work(PAYLOAD_QUEUE, { concurrency: 1, expireInSeconds: PAYLOAD_EXPIRE_S }, makePayload);
  await jobs.work(
    BUILD_QUEUE,
    { concurrency: config.buildConcurrency, expireInSeconds: config.buildTimeoutS + 60 },
    run,
  );
  return {
    name: 'compiler',
    async stop() {
      stopping.abort();
      await jobs.stop(STOP_GRACE_MS);
    },
  };
}

/** What a caller may choose; unknown keys are ignored. */
function pick(options: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]),
  );
}
