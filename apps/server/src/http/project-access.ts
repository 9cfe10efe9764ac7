/** The one way from a project's name to its scope for a caller: a project one is no member of does not exist. */
import type { AuthService, Caller, ProjectRole } from '@tinyfleet/auth';
import { NAME_PATTERN, type ProjectScope } from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import type { ProjectService } from '@tinyfleet/registry';

export class ProjectAccess {
  constructor(
    private readonly auth: AuthService,
    private readonly projects: ProjectService,
  ) {}

  /** @throws registry.project-not-found */
  async admit(caller: Caller, project: string): Promise<{ scope: ProjectScope; role: ProjectRole }> {
    if (!NAME_PATTERN.test(project)) throw new FleetError('registry.project-not-found', { project });
    const scope = await this.projects.scopeOf(project);
    const role = await this.auth.roleIn(caller, scope.id);
    if (role === undefined) throw new FleetError('registry.project-not-found', { project });
    return { scope, role };
  }

  /** Whether all of the projects still are. For answers that do not end. Does not count as a use: a page that is left open does not keep its session. */
  async isStillAllowed(
    given: Parameters<AuthService['callerOf']>[0],
    scopes: readonly ProjectScope[],
    needed: ProjectRole,
  ): Promise<boolean> {
    try {
      const caller = await this.auth.callerOf(given, { isUse: false });
      for (const scope of scopes) {
        const found = await this.admit(caller, scope.name);
        this.auth.requireRole(found.role, needed);
        if (found.scope.id !== scope.id) return false;
      }
      return true;
    } catch (error) {
      if (isFleetError(error) && error.status >= 400 && error.status < 500) return false;
      throw error;
    }
  }
}
