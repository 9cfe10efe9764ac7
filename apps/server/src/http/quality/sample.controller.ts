/** What devices measured: whether a project keeps it, and the files. */
import { Controller, StreamableFile } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { SampleService } from '@tinyfleet/quality';
import { PgSampleStore } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class SampleController {
  constructor(
    private readonly samples: SampleService,
    private readonly store: PgSampleStore,
  ) {}

  @Api('sampleSettingsGet')
  async settings(@Scope() scope: ProjectScope): Promise<ApiOutput<'sampleSettingsGet'>> {
    return await this.samples.settings(scope);
  }

  @Api('sampleSettingsSet')
  async setSettings(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'sampleSettingsSet'>,
  ): Promise<ApiOutput<'sampleSettingsSet'>> {
    return await this.samples.setSettings(caller.actor, scope, body);
  }

  @Api('sampleList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'sampleList'>,
  ): Promise<ApiOutput<'sampleList'>> {
    return await this.store.list(scope, query, query);
  }

  @Api('sampleGet')
  async file(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'sampleGet'>,
  ): Promise<StreamableFile> {
    const file = await this.samples.file(caller.actor, scope, params.sample);
    return new StreamableFile(file, {
      type: 'application/octet-stream',
      length: file.length,
      disposition: `attachment; filename="${params.sample}.npy"`,
    });
  }

  @Api('sampleDelete')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'sampleDelete'>,
  ): Promise<void> {
    await this.samples.remove(caller.actor, scope, params.sample);
  }
}
