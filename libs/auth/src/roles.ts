/** Roles of a project, from least to most; each may do what the ones before it may. */
import type { Resource } from '@tinyfleet/contracts';

export type ProjectRole = Resource<'Role'>;
const ORDER: readonly ProjectRole[] = ['viewer', 'operator', 'developer', 'admin'];

export function roleAllows(role: ProjectRole, needed: ProjectRole): boolean {
  return ORDER.indexOf(role) >= ORDER.indexOf(needed);
}

/** The lesser of two: a token never gives more than its owner has. */
export function leastRole(a: ProjectRole, b: ProjectRole): ProjectRole {
  return ORDER[Math.min(ORDER.indexOf(a), ORDER.indexOf(b))] ?? 'viewer';
}
