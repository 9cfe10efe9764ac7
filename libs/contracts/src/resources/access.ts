/** Set-up, sessions, API tokens and the audit log. */
import { z } from '../zod.js';
import { Name, Timestamp } from '../names.js';
import { PageQuery } from './page.js';
import { Role } from './role.js';

/** As people type it; accounts are found by its lower-case form. */
export const Email = z.email().max(254).meta({ id: 'Email' });
export const Password = z.string().min(10).max(256);
/** 256 random bits, base64url: the fragment of a one-time link. */
const LinkToken = z.string().min(16).max(128);

export const SetupState = z
  .object({ done: z.boolean(), serverVersion: z.string() })
  .meta({ id: 'SetupState' });
/** Where devices connect. A port is null where this instance has none, such as that of TLS without `--lan`. */
export const DeviceEndpoint = z
  .object({ mqttPort: z.int().nullable(), mqttsPort: z.int().nullable() })
  .meta({ id: 'DeviceEndpoint' });
export const SetupRequest = z.object({ token: LinkToken, email: Email, password: Password });
export const LoginRequest = z.object({ email: Email, password: z.string().max(256) });
/** Ways to sign in, for the login page. */
export const LoginOptions = z
  .object({
    /** The OpenID provider, when one is configured; its button leads to `path`. */
    provider: z.object({ name: z.string(), path: z.string() }).nullable(),
  })
  .meta({ id: 'LoginOptions' });

export const TokenScope = z.object({
  /** The only project it is for; null = every project its owner may see. */
  project: Name.nullable(),
  /** The most it allows; never more than its owner may at that moment. */
  role: Role,
  /** Parts of the API, the first word of a path behind the project (`devices`, `builds`); null = all. */
  areas: z.array(z.string().max(63)).min(1).max(32).nullable(),
  readOnly: z.boolean(),
});
export const Me = z
  .object({
    email: z.string(),
    name: z.string(),
    /** `session` for a browser, `token` for the CLI and scripts. */
    via: z.enum(['session', 'token']),
    projects: z.array(z.object({ name: Name, role: Role })),
    /** May create projects. */
    isAdmin: z.boolean(),
    /** Of the token, when one is used. */
    token: TokenScope.extend({ name: z.string(), expiresAt: Timestamp.nullable() }).nullable(),
  })
  .meta({ id: 'Me' });
export const ApiToken = TokenScope.extend({
  name: z.string(),
  createdAt: Timestamp,
  lastUsedAt: Timestamp.nullable(),
  expiresAt: Timestamp.nullable(),
  prefix: z.string(),
}).meta({ id: 'ApiToken' });
export const ApiTokenCreated = ApiToken.extend({ token: z.string() }).meta({ id: 'ApiTokenCreated' });
export const ApiTokenCreate = z.object({
  name: z.string().min(1).max(63),
  project: Name.nullable().default(null),
  role: Role.default('admin'),
  areas: TokenScope.shape.areas.default(null),
  readOnly: z.boolean().default(false),
  /** Null: until it is revoked. */
  expiresInDays: z.int().min(1).max(3_650).nullable().default(null),
});

export const LoginSession = z
  .object({
    id: z.uuid(),
    /** `cli`: an API token that `tinyfleet login` made. */
    kind: z.enum(['browser', 'cli']),
    /** Of the token, with the machine's name in it; null for a browser. */
    name: z.string().nullable(),
    createdAt: Timestamp,
    lastUsedAt: Timestamp,
    expiresAt: Timestamp,
    via: z.enum(['password', 'oidc', 'link']),
    address: z.string().nullable(),
    userAgent: z.string().nullable(),
    /** The one that asks. */
    isCurrent: z.boolean(),
  })
  .meta({ id: 'LoginSession' });

/** S256 of RFC 7636: SHA-256 of the verifier in base64url. */
const Challenge = z.string().regex(/^[\w-]{43}$/);
export const CliLoginRequest = z.object({
  challenge: Challenge,
  /** As the machine calls itself: part of the login's name. */
  machine: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
  expiresInDays: z.int().min(1).max(3_650).default(90),
});
export const CliLoginCode = z.object({ code: z.string(), expiresAt: Timestamp }).meta({ id: 'CliLoginCode' });
export const CliLoginRedeem = z.object({
  code: LinkToken,
  verifier: z.string().regex(/^[\w.~-]{43,128}$/),
});
export const CliLoginToken = z
  .object({ token: z.string(), name: z.string(), email: z.string(), expiresAt: Timestamp })
  .meta({ id: 'CliLoginToken' });
export const PasswordChange = z.object({ current: z.string().max(256), password: Password });
export const PasswordReset = z.object({ token: LinkToken, password: Password });

export const AuditEntry = z
  .object({
    id: z.uuid(),
    at: Timestamp,
    project: z.string().nullable(),
    /** `person:<email>`, `token:<email>/<name>`, `device:<name>` or `system`. */
    actor: z.string(),
    /** `noun.verb` */
    action: z.string(),
    subject: z.string(),
    data: z.record(z.string(), z.unknown()),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable(),
    /** Null: not by a request. */
    address: z.string().nullable(),
    userAgent: z.string().nullable(),
    requestId: z.string().nullable(),
    token: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });
/** All of them together; times from (inclusive) to (exclusive). */
export const AuditFilter = z.object({
  actor: z.string().max(320).optional(),
  /** `noun.verb`, or `noun.*` for everything about it. */
  action: z.string().max(100).optional(),
  subject: z.string().max(320).optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  /** Part of actor, action, subject or any recorded value, upper and lower case alike. */
  text: z.string().min(2).max(100).optional(),
});
export const AuditQuery = PageQuery.extend(AuditFilter.shape);
export const AuditExportQuery = AuditFilter.extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') });
