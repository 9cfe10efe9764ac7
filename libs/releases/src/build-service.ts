/**
 * Builds: one job per model version and device type. A build with the same source, type and options exists once;
 * asking for it again returns it, and runs it again only when it had failed or was cancelled.
 */
import { createHash } from 'node:crypto';
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { missingOps, opBits } from '@tinyfleet/wire';
import type { BuildJob, BuildOutcome, BuildRef, BuildSource, DataSets, ReleaseStores } from './ports.js';

export interface BuildRequest {
  readonly model: string;
  readonly version: string;
  readonly types: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

export class BuildService {
  constructor(
    private readonly stores: Pick<ReleaseStores, 'builds'>,
    private readonly transact: Transact<ReleaseStores>,
    /** Part of a build's identity: another compiler may give other bytes. */
    private readonly compilerVersion: string,
  ) {}

  async start(actor: string, scope: ProjectScope, request: BuildRequest): Promise<Resource<'Build'>[]> {
    if (request.types.length === 0) throw new FleetError('builds.no-types');
    const { model, version } = request;
    const types = [...new Set(request.types)].sort();
    await this.transact(async (stores) => {
      for (const type of types) {
        const source = await stores.builds.source(scope, { model, version, type });
        const { id, made, state } = await stores.builds.ensure(scope, {
          ...source,
          options: { ...request.options },
          optionsDigest: this.digest(source, request.options),
          createdBy: actor,
        });
        if (!made && state !== 'failed' && state !== 'cancelled') continue;
        if (!made) await stores.builds.requeue(scope, id);
        await this.announceQueued(stores, actor, scope, { model, version, type, id });
      }
    });
    return await Promise.all(types.map((type) => this.stores.builds.get(scope, { model, version, type })));
  }

  async cancel(actor: string, scope: ProjectScope, ref: BuildRef): Promise<Resource<'Build'>> {
    await this.transact(async (stores) => {
      const { id, build } = await stores.builds.locate(scope, ref);
      if (!(await stores.builds.cancel(scope, id))) {
        throw new FleetError('builds.not-cancellable', { ...ref, state: build.state });
      }
      await stores.audit.append(scope, { actor, action: 'build.cancelled', target: nameOf(ref) });
      await emit(stores, scope, ref, { state: 'cancelled', progress: build.progress, stage: build.stage });
    });
    return await this.stores.builds.get(scope, ref);
  }

  async retry(actor: string, scope: ProjectScope, ref: BuildRef): Promise<Resource<'Build'>> {
    await this.transact(async (stores) => {
      const { id, build } = await stores.builds.locate(scope, ref);
      if (build.state !== 'failed' && build.state !== 'cancelled') {
        throw new FleetError('builds.not-retryable', { ...ref, state: build.state });
      }
      await stores.builds.requeue(scope, id);
      await this.announceQueued(stores, actor, scope, { ...ref, id });
    });
    return await this.stores.builds.get(scope, ref);
  }

  // ---- the worker's side

  /** Undefined: nothing to do, the build was cancelled or is done. */
  async begin(scope: ProjectScope, id: string): Promise<BuildJob | undefined> {
    return await this.transact(async (stores) => {
      const job = await stores.builds.begin(scope, id);
      if (job) await emit(stores, scope, job, { state: 'running', progress: 0, stage: 'queued' });
      return job;
    });
  }

  /** False: it was cancelled, stop. */
  async progress(scope: ProjectScope, job: BuildJob, stage: string, progress: number): Promise<boolean> {
    return await this.transact(async (stores) => {
      const going = await stores.builds.progress(scope, job.buildId, stage, progress);
      if (going) await emit(stores, scope, job, { state: 'running', progress, stage });
      return going;
    });
  }

  /** @throws builds.ops-missing when the firmware of the type cannot run it */
  async succeed(scope: ProjectScope, job: BuildJob, outcome: BuildOutcome): Promise<void> {
    const missing = missingOps(outcome.needs, opBits(Object.keys(job.typeSpec.ops)));
    if (missing.length > 0)
      throw new FleetError('builds.ops-missing', { type: job.type, ops: missing.join(', ') });
    // The version may get other data later; provenance names what this build has seen.
    const dataSets: DataSets = { calibration: job.calibration, validation: job.validation };
    const report = { ...outcome.report, dataSets };
    await this.transact(async (stores) => {
      if (await stores.builds.succeed(scope, job.buildId, { ...outcome, report })) {
        await emit(stores, scope, job, { state: 'succeeded', progress: 1, stage: 'done' });
      }
    });
  }

  async fail(scope: ProjectScope, job: BuildJob, error: FleetError): Promise<void> {
    await this.transact(async (stores) => {
      if (await stores.builds.fail(scope, job.buildId, { ...error.toProblem() })) {
        await emit(stores, scope, job, { state: 'failed', progress: 1, stage: 'failed' });
      }
    });
  }

  private async announceQueued(
    stores: ReleaseStores,
    actor: string,
    scope: ProjectScope,
    build: BuildRef & { id: string },
  ): Promise<void> {
    await stores.queue.enqueue(scope, build.id);
    await stores.audit.append(scope, { actor, action: 'build.started', target: nameOf(build) });
    await emit(stores, scope, build, { state: 'queued', progress: 0, stage: 'queued' });
  }

  private digest(source: BuildSource, options: Readonly<Record<string, unknown>>): string {
    const { model, version, labels, sourceDigest, validation, calibration, typeSpec } = source;
    // Words about the hardware change no byte of a bundle.
    const { title: _, source: __, sources: ___, ...figures } = typeSpec;
    const identity = {
      compiler: this.compilerVersion,
      model,
      version,
      labels,
      sourceDigest,
      validation,
      calibration,
      typeSpec: figures,
      options,
    };
    return createHash('sha256').update(canonical(identity)).digest('hex');
  }
}

type Moved = { readonly state: Resource<'BuildState'>; readonly progress: number; readonly stage: string };
async function emit(stores: ReleaseStores, scope: ProjectScope, ref: BuildRef, moved: Moved): Promise<void> {
  const { model, version, type } = ref;
  await stores.events.emit(scope, 'build.changed', { model, version, deviceType: type, ...moved });
}
const nameOf = ({ model, version, type }: BuildRef): string => `${model}@${version} for ${type}`;

/** JSON with sorted keys, so that equal values give equal digests. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
