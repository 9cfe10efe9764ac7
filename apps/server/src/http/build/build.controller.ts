/** Builds: start, watch, cancel, retry, and the bundle's bytes. */
import { Controller, Inject, StreamableFile } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import { BuildReport, type ProjectScope } from '@tinyfleet/contracts';
import { ESTIMATE_BASIS, fitDevice } from '@tinyfleet/compiler';
import { FleetError } from '@tinyfleet/errors';
import { BuildService } from '@tinyfleet/releases';
import { PgStores, type BlobStore } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';
import { BLOBS } from '../tokens.js';

@Controller()
export class BuildController {
  constructor(
    private readonly builds: BuildService,
    private readonly stores: PgStores,
    @Inject(BLOBS) private readonly blobs: BlobStore,
  ) {}

  @Api('buildList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'buildList'>,
  ): Promise<ApiOutput<'buildList'>> {
    return await this.stores.builds.list(scope, query, query);
  }

  @Api('buildStart')
  async start(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'buildStart'>,
  ): Promise<ApiOutput<'buildStart'>> {
    const { model, options } = body;
    const version = body.version ?? (await this.stores.models.newestVersion(scope, model));
    if (version === undefined) throw new FleetError('models.not-found', { model });
    const types = body.deviceTypes ?? (await this.stores.devices.typesInUse(scope));
    return { items: await this.builds.start(caller.actor, scope, { model, version, types, options }) };
  }

  @Api('buildGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'buildGet'>,
  ): Promise<ApiOutput<'buildGet'>> {
    return await this.stores.builds.get(scope, ref(params));
  }

  @Api('buildReport')
  async report(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'buildReport'>,
  ): Promise<ApiOutput<'buildReport'>> {
    return BuildReport.parse(await this.stores.builds.report(scope, ref(params)));
  }

  @Api('buildFit')
  async fit(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'buildFit'>,
  ): Promise<ApiOutput<'buildFit'>> {
    const report = BuildReport.parse(await this.stores.builds.report(scope, ref(params)));
    const types = await this.stores.types.list(scope);
    const items = types.map((type) => {
      const { advice, ...fit } = fitDevice(report, type);
      const { title, core, clockHz } = type;
      return { ...fit, title, core, clockHz, advice: [...advice] };
    });
    return { items, basis: ESTIMATE_BASIS };
  }

  @Api('buildBundle')
  async bundle(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'buildBundle'>,
  ): Promise<StreamableFile> {
    const build = await this.stores.builds.get(scope, ref(params));
    if (build.bundleDigest === null)
      throw new FleetError('builds.not-finished', { ...ref(params), state: build.state });
    return new StreamableFile(await this.blobs.stream(build.bundleDigest), {
      type: 'application/octet-stream',
      ...(build.bundleBytes === null ? {} : { length: build.bundleBytes }),
      disposition: `attachment; filename="${params.model}-${params.version}-${params.deviceType}.bundle"`,
    });
  }

  @Api('buildCancel')
  async cancel(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'buildCancel'>,
  ): Promise<ApiOutput<'buildCancel'>> {
    return await this.builds.cancel(caller.actor, scope, ref(params));
  }

  @Api('buildRetry')
  async retry(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'buildRetry'>,
  ): Promise<ApiOutput<'buildRetry'>> {
    return await this.builds.retry(caller.actor, scope, ref(params));
  }
}

const ref = (params: { model: string; version: string; deviceType: string }) => ({
  model: params.model,
  version: params.version,
  type: params.deviceType,
});
