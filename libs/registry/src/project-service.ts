/** Projects; their built-in device types. */
import type { ProjectScope, Transact, UnnamedBlob } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { CATALOGUE } from './catalogue.js';
import type { NewProject, RegistryStores } from './ports.js';

export class ProjectService {
  constructor(
    private readonly stores: RegistryStores,
    private readonly transact: Transact<RegistryStores>,
  ) {}

  /** @throws registry.project-not-found */
  async scopeOf(name: string): Promise<ProjectScope> {
    const scope = await this.stores.projects.find(name);
    if (!scope) throw new FleetError('registry.project-not-found', { project: name });
    return scope;
  }

  async add(actor: string, personId: string | null, project: NewProject): Promise<ProjectScope> {
    return await this.transact(async ({ projects, types, events, audit }) => {
      const scope = await projects.add(project, personId);
      await types.refreshBuiltIn(scope, CATALOGUE);
      await audit.append(scope, {
        actor,
        action: 'project.made',
        target: project.name,
        detail: { ...project },
      });
      await events.emit(scope, 'project.changed', { project: project.name });
      return scope;
    });
  }

  /** @returns digests of blobs that nothing names any more. */
  async remove(actor: string, scope: ProjectScope): Promise<UnnamedBlob[]> {
    return await this.transact(async ({ projects, audit }) => {
      const { title, deviceCount, createdAt } = await projects.get(scope);
      const before = { title, deviceCount, createdAt };
      await audit.append(scope, { actor, action: 'project.removed', target: scope.name, before });
      return await projects.remove(scope);
    });
  }

  /** A newer catalogue reaches projects that exist already. */
  async refreshBuiltInTypes(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.stores.projects.list(null, { cursor, limit: 100 });
      for (const { name } of page.items)
        await this.stores.types.refreshBuiltIn(await this.scopeOf(name), CATALOGUE);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }
}
