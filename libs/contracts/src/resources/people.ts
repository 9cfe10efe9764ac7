/** People, members of projects and invitations. */
import { z } from '../zod.js';
import { Name, Timestamp } from '../names.js';
import { Email } from './access.js';
import { PageQuery } from './page.js';
import { Role } from './role.js';

export const Person = z
  .object({
    email: z.string(),
    name: z.string(),
    /** Of the instance: may make projects and manage people. */
    isAdmin: z.boolean(),
    createdAt: Timestamp,
    lastLoginAt: Timestamp.nullable(),
    /** Since then sessions and tokens are refused. */
    disabledAt: Timestamp.nullable(),
    /** Since when the address is known to be theirs; null: single sign-on does not lead here by it. */
    emailProvenAt: Timestamp.nullable(),
    hasPassword: z.boolean(),
    /** Issuers of accounts elsewhere that lead to this one. */
    providers: z.array(z.string()),
    projects: z.array(z.object({ name: Name, role: Role })),
  })
  .meta({ id: 'Person' });
export const PersonPatch = z.object({
  name: z.string().min(1).max(120).optional(),
  isAdmin: z.boolean().optional(),
  disabled: z.boolean().optional(),
  /** You know that the address belongs to whoever uses the account. False: accounts elsewhere that were linked lead here no more. */
  emailProven: z.boolean().optional(),
});
export const PersonQuery = PageQuery.extend({ text: z.string().min(1).max(100).optional() });

export const Member = z
  .object({
    email: z.string(),
    name: z.string(),
    role: Role,
    /** False: of the instance's administrators, who may do everything in every project. */
    isMember: z.boolean(),
    /** Of the instance. */
    isAdmin: z.boolean(),
    lastLoginAt: Timestamp.nullable(),
    disabled: z.boolean(),
  })
  .meta({ id: 'Member' });

/** Shown once: whoever opens it acts for that address. The secret is the path's fragment. */
export const OneTimeLink = z
  .object({ email: z.string(), path: z.string(), expiresAt: Timestamp })
  .meta({ id: 'OneTimeLink' });

export const Invitation = z
  .object({
    id: z.uuid(),
    email: z.string(),
    /** Null: an account without a project. */
    project: Name.nullable(),
    role: Role.nullable(),
    isAdmin: z.boolean(),
    createdBy: z.string(),
    createdAt: Timestamp,
    expiresAt: Timestamp,
  })
  .meta({ id: 'Invitation' });
export const InvitationCreated = Invitation.extend({ path: z.string() }).meta({ id: 'InvitationCreated' });
const hours = z.int().min(1).max(720).default(72);
export const InvitationCreate = z.object({ email: Email, role: Role, expiresInHours: hours });
export const InstanceInvitationCreate = z.object({
  email: Email,
  isAdmin: z.boolean().default(false),
  expiresInHours: hours,
});
const token = z.string().min(16).max(128);
export const InvitationToken = z.object({ token });
export const InvitationPreview = z
  .object({
    email: z.string(),
    project: Name.nullable(),
    role: Role.nullable(),
    isAdmin: z.boolean(),
    /** Then the password is the account's own, else it becomes it. */
    hasAccount: z.boolean(),
  })
  .meta({ id: 'InvitationPreview' });
export const InvitationAccept = z.object({
  token,
  /** The account's own, not needed when signed in to it; at least 10 characters when there is no account yet. */
  password: z.string().max(256).optional(),
  name: z.string().min(1).max(120).optional(),
});
