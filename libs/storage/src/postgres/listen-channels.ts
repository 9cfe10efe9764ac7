/**
 * What a process that answers people and the process that holds connections of devices say to each other while somebody
 * listens to a device. By NOTIFY and nothing else: what is not heard is not kept. The same in one process as in many.
 */
import { randomBytes } from 'node:crypto';
import type { Database } from './database.js';
import type { EventListener } from './listener.js';

/** To whoever holds the connections: begin, go on or end. */
export interface ListenRequest {
  /** Of this listening; the asker's choice. */
  readonly id: string;
  readonly projectId: string;
  readonly project: string;
  readonly device: string;
  /** Where to answer. */
  readonly reply: string;
  /** To go on for, from now; 0 ends it. */
  readonly seconds: number;
}

/** What was seen for one of those who listen. */
export interface ListenBatch {
  /** Of the request. */
  readonly id: string;
}

const REQUESTS = 'tinyfleet_listen';
const REPLIES = 'tinyfleet_heard_';
/** Postgres takes 7,999 bytes. */
const PIECE_CHARACTERS = 7_800;

export class ListenChannels<Batch extends ListenBatch> {
  private readonly reply = REPLIES + randomBytes(8).toString('hex');

  constructor(
    private readonly database: Database,
    private readonly listener: EventListener,
  ) {}

  /** Of the process with the connections. @returns how to stop */
  onRequest(take: (request: ListenRequest) => void): () => void {
    return this.listener.listen(REQUESTS, (payload) => {
      const request = parse(payload);
      if (isRequest(request)) take(request);
    }).stop;
  }

  async request(request: Omit<ListenRequest, 'reply'>): Promise<void> {
    await this.notify(REQUESTS, [JSON.stringify({ ...request, reply: this.reply })]);
  }

  /** Of a process that asks. `ready` when nothing that is sent to it is missed any more. */
  onBatch(take: (batch: Batch) => void): { readonly ready: Promise<void>; stop(): void } {
    const joiner = new PieceJoiner();
    return this.listener.listen(this.reply, (payload) => {
      const text = joiner.take(payload);
      const batch = text === undefined ? undefined : parse(text);
      if (batch !== undefined) take(batch as Batch);
    });
  }

  async send(reply: string, batch: Batch): Promise<void> {
    if (isReply(reply)) await this.notify(reply, piecesOf(JSON.stringify(batch)));
  }

  private async notify(channel: string, payloads: readonly string[]): Promise<void> {
    await this.database.query('select pg_notify($1, piece) from unnest($2::text[]) as piece', [
      channel,
      payloads,
    ]);
  }
}

/** `<n>/<of>:<part>`: notifications of one transaction come together and in order, equal ones once. */
export function piecesOf(text: string): string[] {
  // Base64: any text in bytes of a known number.
  const encoded = Buffer.from(text, 'utf8').toString('base64');
  const of = Math.max(1, Math.ceil(encoded.length / PIECE_CHARACTERS));
  return Array.from(
    { length: of },
    (_, n) => `${n}/${of}:${encoded.slice(n * PIECE_CHARACTERS, (n + 1) * PIECE_CHARACTERS)}`,
  );
}

export class PieceJoiner {
  private parts: string[] = [];

  /** The text when its last piece has come; one that lacks a piece never comes. */
  take(payload: string): string | undefined {
    const [, number, count, part] = /^(\d{1,6})\/(\d{1,6}):([A-Za-z0-9+/=]*)$/.exec(payload) ?? [];
    const n = Number(number);
    if (part === undefined || n !== (n === 0 ? 0 : this.parts.length)) {
      this.parts = [];
      return undefined;
    }
    if (n === 0) this.parts = [];
    this.parts.push(part);
    if (n + 1 < Number(count)) return undefined;
    const text = Buffer.from(this.parts.join(''), 'base64').toString('utf8');
    this.parts = [];
    return text;
  }
}

const isReply = (channel: string): boolean => /^tinyfleet_heard_[0-9a-f]{16}$/.test(channel);

function isRequest(value: unknown): value is ListenRequest {
  if (typeof value !== 'object' || value === null) return false;
  const { id, projectId, project, device, reply, seconds } = value as Record<string, unknown>;
  return (
    [id, projectId, project, device].every((one) => typeof one === 'string') &&
    typeof reply === 'string' &&
    isReply(reply) &&
    typeof seconds === 'number' &&
    seconds >= 0
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
