/** Accounts, sessions and API tokens. */
import { bool, bytes, createdAt, entity, key, optional, text, texts, time, uuid } from './define.js';

export interface PersonRow {
  id: string;
  email: string;
  name: string;
  passwordHash: string | null;
  instanceAdmin: boolean;
  createdAt: Date;
  disabledAt: Date | null;
  lastLoginAt: Date | null;
  emailProvenAt: Date | null;
}
export const Person = entity<PersonRow>(
  'person',
  {
    id: key(),
    email: text(),
    name: text(),
    passwordHash: text(optional),
    instanceAdmin: bool({ default: false }),
    createdAt,
    disabledAt: time(optional),
    lastLoginAt: time(optional),
    emailProvenAt: time(optional),
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
  id: string;
  personId: string;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date;
  via: string;
  address: string | null;
  userAgent: string | null;
}
export const Session = entity<SessionRow>(
  'session',
  {
    idHash: key('bytea'),
    id: uuid(),
    personId: uuid(),
    createdAt,
    expiresAt: time(),
    lastUsedAt: createdAt,
    via: text({ default: 'password' }),
    address: text(optional),
    userAgent: text(optional),
  },
  {
    unique: { session_id_key: ['id'] },
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
  areas: string[] | null;
  readOnly: boolean;
  loginVia: string | null;
  address: string | null;
  userAgent: string | null;
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
    areas: texts(optional),
    readOnly: bool({ default: false }),
    loginVia: text(optional),
    address: text(optional),
    userAgent: text(optional),
  },
  {
    unique: { api_token_hash_key: ['tokenHash'], api_token_name_key: ['personId', 'name'] },
    foreign: {
      api_token_person_fkey: [['personId'], 'person', ['id'], 'cascade'],
      api_token_project_fkey: [['projectId'], 'project', ['id'], 'cascade'],
    },
  },
);
