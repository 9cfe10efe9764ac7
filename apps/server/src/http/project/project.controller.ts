/** Projects and their counts. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { ProjectService } from '@tinyfleet/registry';
import { SigningKeyService } from '@tinyfleet/releases';
import { PgStores, type BlobStore } from '@tinyfleet/storage';
import { Inject } from '@nestjs/common';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';
import { ProjectAccess } from '../project-access.js';
import { BLOBS } from '../tokens.js';

@Controller()
export class ProjectController {
  constructor(
    private readonly projects: ProjectService,
    private readonly keys: SigningKeyService,
    private readonly stores: PgStores,
    private readonly access: ProjectAccess,
    @Inject(BLOBS) private readonly blobs: BlobStore,
  ) {}

  @Api('projectList')
  async list(
    @Caller() caller: AuthCaller,
    @Input() { query }: ApiInput<'projectList'>,
  ): Promise<ApiOutput<'projectList'>> {
    const { person, token } = caller.credential;
    if (token?.project)
      return {
        items: [await this.stores.projects.get((await this.access.admit(caller, token.project.name)).scope)],
        nextCursor: null,
      };
    return await this.stores.projects.list(person === null || person.instanceAdmin ? null : person.id, query);
  }

  @Api('projectCreate')
  async add(
    @Caller() caller: AuthCaller,
    @Input() { body }: ApiInput<'projectCreate'>,
  ): Promise<ApiOutput<'projectCreate'>> {
    const scope = await this.projects.add(caller.actor, caller.credential.person?.id ?? null, body);
    await this.keys.ensure(caller.actor, scope);
    return await this.stores.projects.get(scope);
  }

  @Api('projectGet')
  async get(@Scope() scope: ProjectScope): Promise<ApiOutput<'projectGet'>> {
    return await this.stores.projects.get(scope);
  }

  @Api('projectDelete')
  async remove(@Caller() caller: AuthCaller, @Scope() scope: ProjectScope): Promise<void> {
    const orphans = await this.projects.remove(caller.actor, scope);
    // After the commit: a crash here leaves bytes that nothing names, never a name without bytes.
    for (const blob of orphans) await this.blobs.remove(blob);
  }

  @Api('fleetSummary')
  async summary(@Scope() scope: ProjectScope): Promise<ApiOutput<'fleetSummary'>> {
    return await this.stores.projects.summary(scope);
  }
}
