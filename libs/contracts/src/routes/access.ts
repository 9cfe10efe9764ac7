/** Routes of access. */
import { z } from '../zod.js';
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

export const accessRoutes = {
  setupState: {
    method: 'GET',
    path: '/setup',
    summary: 'Is the first administrator made?',
    access: 'public',
    response: r.SetupState,
  },
  setup: {
    method: 'POST',
    path: '/setup',
    summary: 'Make the first administrator with the one-time link',
    access: 'public',
    body: r.SetupRequest,
    response: r.Me,
    status: 201,
  },
  setupLink: {
    method: 'POST',
    path: '/setup/link',
    summary: 'A new one-time setup link',
    access: 'admin',
    response: z.object({ path: z.string() }),
  },
  login: {
    method: 'POST',
    path: '/session',
    summary: 'Log in',
    access: 'public',
    body: r.LoginRequest,
    response: r.Me,
    status: 201,
  },
  logout: { method: 'DELETE', path: '/session', summary: 'Log out', access: 'user', status: 204 },
  me: { method: 'GET', path: '/session', summary: 'Who am I', access: 'user', response: r.Me },
  tokenList: {
    method: 'GET',
    path: '/tokens',
    summary: 'My API tokens',
    access: 'user',
    response: r.page(r.ApiToken),
  },
  tokenCreate: {
    method: 'POST',
    path: '/tokens',
    summary: 'Make an API token; it is shown once',
    access: 'user',
    body: z.object({ name: z.string().min(1).max(63) }),
    response: r.ApiTokenCreated,
    status: 201,
  },
  tokenDelete: {
    method: 'DELETE',
    path: '/tokens/:name',
    summary: 'Revoke an API token',
    access: 'user',
    params: z.object({ name: z.string().max(63) }),
    status: 204,
  },
  config: {
    method: 'GET',
    path: '/config',
    summary: 'The effective configuration, secrets left out',
    access: 'admin',
    response: z.record(z.string(), z.unknown()),
  },
  auditList: {
    method: 'GET',
    path: '/projects/:project/audit',
    summary: 'Audit log, newest first',
    access: 'admin',
    params: project,
    query: r.PageQuery,
    response: r.page(r.AuditEntry),
  },
} as const satisfies Record<string, Route>;
