/** Setup, sessions, API tokens and the audit log. */
import { z } from '../zod.js';
import { Name, Timestamp } from '../names.js';
import { Role } from './role.js';

export const SetupState = z
  .object({ done: z.boolean(), serverVersion: z.string() })
  .meta({ id: 'SetupState' });
export const SetupRequest = z.object({
  token: z.string().min(16).max(128),
  email: z.email().max(254),
  password: z.string().min(10).max(256),
});
export const LoginRequest = z.object({ email: z.email().max(254), password: z.string().max(256) });
export const Me = z
  .object({
    email: z.string(),
    /** `session` for a browser, `token` for the CLI and scripts. */
    via: z.enum(['session', 'token']),
    projects: z.array(z.object({ name: Name, role: Role })),
    /** May create projects. */
    isAdmin: z.boolean(),
  })
  .meta({ id: 'Me' });
export const ApiToken = z
  .object({ name: z.string(), createdAt: Timestamp, lastUsedAt: Timestamp.nullable(), prefix: z.string() })
  .meta({ id: 'ApiToken' });
export const ApiTokenCreated = ApiToken.extend({ token: z.string() }).meta({ id: 'ApiTokenCreated' });

export const AuditEntry = z
  .object({
    at: Timestamp,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' });
