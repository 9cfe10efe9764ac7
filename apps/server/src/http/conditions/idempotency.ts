/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a POST with a key is carried out once per caller and
 * project; who sends it again gets the first answer. Only answers of success are kept, sealed under the instance's
 * secret because they may hold a token that is shown once; a failure changed nothing and frees the key.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Caller } from '@tinyfleet/auth';
import type { ProjectScope, Route } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { SecretSealer } from '@tinyfleet/releases';
import type { PgIdempotencyStore } from '@tinyfleet/storage';

const MAX_KEY_CHARACTERS = 255;

export interface KeyedRequest {
  readonly key: string;
  readonly route: Route;
  readonly url: string;
  readonly body: unknown;
  readonly caller: Caller;
  readonly scope: ProjectScope | undefined;
}

export interface Attempt {
  readonly id: Buffer;
  readonly holder: string;
}
export interface Kept {
  readonly status: number;
  readonly value: unknown;
}

export class IdempotencyKeys {
  constructor(
    private readonly store: PgIdempotencyStore,
    private readonly sealer: SecretSealer,
    /** Longest answer that is kept, bytes of JSON. */
    private readonly maxAnswerBytes: number,
  ) {}

  /**
   * The right to carry the request out, or what was answered to it before.
   * @throws server.idempotency-in-progress, server.idempotency-key-reused, server.idempotency-answer-lost
   */
  async begin({ key, route, url, body, caller, scope }: KeyedRequest): Promise<Attempt | Kept> {
    const id = digest([caller.actor, scope?.id ?? '', key]);
    const holder = randomUUID();
    const outcome = await this.store.take({
      id,
      projectId: scope?.id ?? null,
      actor: caller.actor,
      // Bodies hold passwords: a bare hash of one would be guessed where theirs cannot be.
      fingerprint: this.sealer.mac(
        digest([route.method, url, JSON.stringify(body ?? null)]),
        'idempotency request',
      ),
      holder,
    });
    switch (outcome.kind) {
      case 'held':
        return { id, holder };
      case 'running':
        throw new FleetError('server.idempotency-in-progress');
      case 'other-request':
        throw new FleetError('server.idempotency-key-reused');
      case 'lost':
        throw new FleetError('server.idempotency-answer-lost', {
          reason: `the server ended before it was kept, or it had more than ${this.maxAnswerBytes} bytes`,
        });
      case 'kept':
        return {
          status: outcome.status,
          value: JSON.parse(this.sealer.open(outcome.answer, contextOf(id)).toString('utf8')) as unknown,
        };
    }
  }

  async keep({ id, holder }: Attempt, status: number, value: unknown): Promise<void> {
    const answer = Buffer.from(JSON.stringify(value ?? null));
    const kept = answer.length <= this.maxAnswerBytes ? this.sealer.seal(answer, contextOf(id)) : null;
    await this.store.finish(id, holder, status, kept);
  }

  async release({ id, holder }: Attempt): Promise<void> {
    await this.store.release(id, holder);
  }
}

/** A bare token or a string of RFC 9651. @throws server.idempotency-key-invalid */
export function readIdempotencyKey(header: string): string {
  const [, quoted, bare] =
    /^(?:"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"|([\x21\x23-\x2b\x2d-\x7e]+))$/.exec(header) ?? [];
  const key = quoted?.replace(/\\(.)/g, '$1') ?? bare;
  const fail = (reason: string): never => {
    throw new FleetError('server.idempotency-key-invalid', { reason, maxCharacters: MAX_KEY_CHARACTERS });
  };
  if (key === undefined) return fail('it is no string of visible ASCII characters');
  if (key.length === 0) return fail('it is empty');
  if (key.length > MAX_KEY_CHARACTERS) return fail(`it has ${key.length} characters`);
  return key;
}

/** Lengths keep neighbouring parts apart. */
function digest(parts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest();
}
const contextOf = (id: Buffer): string => `idempotency ${id.toString('hex')}`;
