/** One attempt of one delivery: signed as Standard Webhooks says, sent, answered or not. Redirects are not followed. */
import { createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { publicLookup, requirePublicHost } from './public-address.js';

export interface Attempt {
  readonly url: string;
  readonly id: string;
  readonly body: string;
  /** The newest first; each signs. Without one nothing is signed: Slack's addresses are secrets themselves. */
  readonly secrets: readonly Uint8Array[];
}
export interface DeliverOptions {
  readonly timeoutMs: number;
  readonly allowPrivate: boolean;
  /** Bytes of an answer that are kept; the rest is not read. */
  readonly snippetBytes: number;
}
export interface Answer {
  /** Null: there was none. */
  readonly status: number | null;
  readonly latencyMs: number;
  readonly error: string | null;
  readonly response: string | null;
}

/** `v1,<base64>` for each secret, over id, time and body. */
export function signatures(
  secrets: readonly Uint8Array[],
  id: string,
  timestamp: number,
  body: string,
): string {
  return secrets
    .map(
      (secret) => `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
    )
    .join(' ');
}

/** Never rejects: a failure is an answer without a status. */
export async function deliver(
  { url: text, id, body, secrets }: Attempt,
  { timeoutMs, allowPrivate, snippetBytes }: DeliverOptions,
): Promise<Answer> {
  const begun = performance.now();
  const timestamp = Math.floor(Date.now() / 1_000);
  const got = { status: null as number | null, snippet: Buffer.alloc(0) };
  try {
    const url = new URL(text);
    if (!allowPrivate) requirePublicHost(url);
    await new Promise<void>((resolve, reject) => {
      const send = url.protocol === 'https:' ? requestHttps : requestHttp;
      const request = send(url, {
        method: 'POST',
        // A connection for each: its address has been checked.
        agent: false,
        ...(allowPrivate ? {} : { lookup: publicLookup }),
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'TinyFleet-Webhook/1',
          ...(secrets.length > 0 && {
            'webhook-id': id,
            'webhook-timestamp': String(timestamp),
            'webhook-signature': signatures(secrets, id, timestamp, body),
          }),
        },
      });
      request.once('error', reject);
      request.once('response', (response) => {
        got.status = response.statusCode ?? null;
        response.on('data', (chunk: Buffer) => {
          got.snippet = Buffer.concat([got.snippet, chunk]).subarray(0, snippetBytes);
          if (got.snippet.length < snippetBytes) return;
          resolve();
          request.destroy();
        });
        response.once('end', resolve);
        response.once('error', reject);
      });
      request.end(body);
    });
  } catch (error) {
    // With a status the answer has begun: what it says counts, however it ended.
    if (got.status === null) {
      const { name, message, code } = error as NodeJS.ErrnoException;
      const reason =
        name === 'TimeoutError' || code === 'ABORT_ERR' ? `no answer in ${timeoutMs} ms` : message;
      return {
        status: null,
        latencyMs: performance.now() - begun,
        error: reason || code || name,
        response: null,
      };
    }
  }
  const { status, snippet } = got;
  return {
    status,
    latencyMs: performance.now() - begun,
    error: status !== null && status >= 200 && status < 300 ? null : `status ${status}`,
    response: snippet.toString('utf8').replaceAll('\0', '') || null,
  };
}
