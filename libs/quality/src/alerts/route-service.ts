/** Where alerts go: a webhook, Slack, or e-mail. What is secret of it is sealed; what sends it is in the server, which has the sockets. */
import { randomBytes } from 'node:crypto';
import {
  WEBHOOK_SECRET_PREFIX,
  webhookUrlRefusal,
  type ProjectScope,
  type Resource,
  type Transact,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { AlertStores } from './ports.js';

type Create = Resource<'AlertRouteCreate'>;

export interface AlertRouteLimits {
  readonly maxPerProject: number;
  /** http, and addresses that are not public. */
  readonly allowPrivate: boolean;
}
/** Bytes of a secret at rest; the context says whose. */
export interface AlertSealer {
  seal(plain: Uint8Array, context: string): Buffer;
  open(sealed: Uint8Array, context: string): Buffer;
}
export const alertRouteContext = (projectId: string): string => `alert route ${projectId}`;

/** What is sealed, as JSON. */
export type AlertTarget =
  | { readonly kind: 'webhook'; readonly url: string; readonly secret: string }
  | { readonly kind: 'slack'; readonly url: string }
  | {
      readonly kind: 'email';
      readonly server: string;
      readonly from: string;
      readonly to: readonly string[];
    };

const SECRET_BYTES = 32;

export class AlertRouteService {
  constructor(
    private readonly transact: Transact<AlertStores>,
    private readonly sealer: AlertSealer,
    private readonly newId: () => string,
    private readonly limits: AlertRouteLimits,
  ) {}

  /** @throws quality.alert-route-invalid, quality.alert-route-exists, quality.alert-routes-too-many */
  async add(actor: string, scope: ProjectScope, given: Create): Promise<Resource<'AlertRouteCreated'>> {
    const { name, kind, minSeverity } = given;
    const { target, shown, secret } = this.targetOf(given);
    const sealed = this.sealer.seal(Buffer.from(JSON.stringify(target)), alertRouteContext(scope.id));
    return await this.transact(async ({ alertRoutes, audit }) => {
      const route = { id: this.newId(), name, kind, target: shown, sealed, minSeverity, createdBy: actor };
      await alertRoutes.add(scope, route, this.limits.maxPerProject);
      await audit.append(scope, {
        actor,
        action: 'alert-route.made',
        target: name,
        after: { kind, target: shown, minSeverity },
      });
      return { route: await alertRoutes.get(scope, name), secret };
    });
  }

  /** @throws quality.alert-route-not-found */
  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ alertRoutes, audit }) => {
      const { kind, target, minSeverity } = await alertRoutes.get(scope, name);
      await alertRoutes.remove(scope, name);
      await audit.append(scope, {
        actor,
        action: 'alert-route.removed',
        target: name,
        before: { kind, target, minSeverity },
      });
    });
  }

  /** What to send a test to; that somebody asked for one is noted. @throws quality.alert-route-not-found */
  async test(actor: string, scope: ProjectScope, name: string): Promise<AlertTarget> {
    return await this.transact(async ({ alertRoutes, audit }) => {
      const sealed = await alertRoutes.sealed(scope, name);
      await audit.append(scope, { actor, action: 'alert-route.tested', target: name });
      return this.open(scope.id, sealed);
    });
  }

  /** @throws storage.secret-mismatch */
  open(projectId: string, sealed: Uint8Array): AlertTarget {
    const text = this.sealer.open(sealed, alertRouteContext(projectId)).toString('utf8');
    return JSON.parse(text) as AlertTarget;
  }

  private targetOf(given: Create): { target: AlertTarget; shown: string; secret: string | null } {
    if (given.kind === 'email') {
      const { server, from, to } = given;
      const { host } = this.requireServer(server);
      return {
        target: { kind: 'email', server, from, to },
        shown: `${to.join(', ')} by ${host}`,
        secret: null,
      };
    }
    const url = this.requireUrl(given.url);
    // Addresses of Slack are secrets: who has one may write.
    if (given.kind === 'slack')
      return { target: { kind: 'slack', url: given.url }, shown: `${url.origin}/…`, secret: null };
    const secret = WEBHOOK_SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
    return { target: { kind: 'webhook', url: given.url, secret }, shown: given.url, secret };
  }

  private requireUrl(text: string): URL {
    const url = new URL(text);
    const refusal = webhookUrlRefusal(url, this.limits.allowPrivate);
    return refusal === undefined ? url : refuse(refusal);
  }

  private requireServer(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !['smtp:', 'smtps:'].includes(url.protocol))
      return refuse('it is no smtp:// or smtps:// address');
    if (url.hostname === '') refuse('it names no host');
    return url;
  }
}

function refuse(reason: string): never {
  throw new FleetError('quality.alert-route-invalid', { reason });
}
