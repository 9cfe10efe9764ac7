/** Accounts, sessions and API tokens. */
import { bool, bytes, createdAt, entity, key, optional, text, time, uuid } from './define.js';

export interface PersonRow {
  id: string;
  email: string;
  name: string;
  passwordHash: string;
  instanceAdmin: boolean;
  createdAt: Date;
}
export const Person = entity<PersonRow>(
  'person',
  {
    id: key(),
    email: text(),
    name: text(),
    passwordHash: text(),
    instanceAdmin: bool({ default: false }),
    createdAt,
  },
  { unique: { person_email_key: ['email'] } },
);

export interface MemberRow {
  projectId: string;
  personId: string;
  role: string;
}
export const Member = entity<MemberRow>(
  'member',
  { projectId: key(), personId: key(), role: text() },
  {
    foreign: {
      member_project_fkey: [['projectId'], 'project', ['id'], 'cascade'],
      member_person_fkey: [['personId'], 'person', ['id'], 'cascade'],
    },
  },
);

export interface SessionRow {
  idHash: Buffer;
  personId: string;
  createdAt: Date;
  expiresAt: Date;
}
export const Session = entity<SessionRow>(
  'session',
  { idHash: key('bytea'), personId: uuid(), createdAt, expiresAt: time() },
  {
    index: { session_person_idx: ['personId'] },
    foreign: { session_person_fkey: [['personId'], 'person', ['id'], 'cascade'] },
  },
);

export interface ApiTokenRow {
  id: string;
  tokenHash: Buffer;
  personId: string | null;
  projectId: string | null;
  name: string;
  prefix: string;
  role: string;
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
}
export const ApiToken = entity<ApiTokenRow>(
  'api_token',
  {
    id: key(),
    tokenHash: bytes(),
    personId: uuid(optional),
    projectId: uuid(optional),
    name: text(),
    prefix: text(),
    role: text(),
    createdAt,
    expiresAt: time(optional),
    lastUsedAt: time(optional),
  },
  {
    unique: { api_token_hash_key: ['tokenHash'] },
    foreign: {
      api_token_person_fkey: [['personId'], 'person', ['id'], 'cascade'],
      api_token_project_fkey: [['projectId'], 'project', ['id'], 'cascade'],
    },
  },
);
