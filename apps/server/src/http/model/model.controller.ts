/** Models: import, versions, validation data. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { ModelService } from '@tinyfleet/registry';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class ModelController {
  constructor(
    private readonly models: ModelService,
    private readonly stores: PgStores,
  ) {}

  @Api('modelList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'modelList'>,
  ): Promise<ApiOutput<'modelList'>> {
    return await this.stores.models.list(scope, query);
  }

  @Api('modelVersionList')
  async versions(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'modelVersionList'>,
  ): Promise<ApiOutput<'modelVersionList'>> {
    return await this.stores.models.versions(scope, params.model, query);
  }

  @Api('modelImport')
  async import(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, query, body }: ApiInput<'modelImport'>,
  ): Promise<ApiOutput<'modelImport'>> {
    return await this.models.import(caller.actor, scope, {
      model: params.model,
      version: query.version,
      fileName: query.fileName,
      labels: splitLabels(query.labels),
      content: body,
    });
  }

  @Api('modelVersionGet')
  async version(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'modelVersionGet'>,
  ): Promise<ApiOutput<'modelVersionGet'>> {
    return await this.stores.models.version(scope, params.model, params.version);
  }

  @Api('modelForeignBuild')
  async foreignBuild(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'modelForeignBuild'>,
  ): Promise<ApiOutput<'modelForeignBuild'>> {
    return await this.models.nameBuild(caller.actor, scope, params, body);
  }

  @Api('modelValidation')
  async validation(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'modelValidation'>,
  ): Promise<ApiOutput<'modelValidation'>> {
    return await this.models.setValidation(caller.actor, scope, params, params.part, body);
  }
}

const splitLabels = (text: string | undefined): string[] =>
  text === undefined || text.trim() === '' ? [] : text.split(',').map((label) => label.trim());
