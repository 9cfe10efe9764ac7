/**
 * Server-sent events of a project. Commands use them to wake up and then read the state itself: an event that is
 * missed costs a second, never a wrong answer.
 */
import { isRecord } from './record.js';

export interface ServerEvent {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
}

/** Parses a stream of `text/event-stream` (WHATWG HTML, section 9.2). Ends with the stream. */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let buffer = '';
  let id = '';
  let name = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    buffer += decoder.decode(chunk, { stream: true });
    let end: number;
    while ((end = buffer.indexOf('\n')) >= 0) {
      const line = buffer.slice(0, end).replace(/\r$/, '');
      buffer = buffer.slice(end + 1);
      if (line === '') {
        if (data.length > 0) yield { id, name: name || 'message', data: parseJson(data.join('\n')) };
        name = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'id') id = value;
      else if (field === 'event') name = value;
      else if (field === 'data') data.push(value);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export interface EventSource {
  readonly url: string;
  readonly token: string;
  readonly project: string;
  readonly names: readonly string[];
}

/** Holds the stream open in the background and reconnects; `wait` returns at the next event or after a time. */
export class EventPulse {
  private readonly abort = new AbortController();
  private wake: (() => void) | undefined;
  private fresh = false;
  /** Events since the last `take`, newest last, at most 1,000. */
  private readonly events: ServerEvent[] = [];

  constructor(private readonly source: EventSource) {
    void this.run();
  }

  /** Resolves true when an event came, false after `ms`. */
  async wait(ms: number): Promise<boolean> {
    if (!this.fresh) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.wake = undefined;
    }
    const came = this.fresh;
    this.fresh = false;
    return came;
  }

  take(): ServerEvent[] {
    return this.events.splice(0);
  }

  close(): void {
    this.abort.abort();
    this.wake?.();
  }

  private async run(): Promise<void> {
    let lastId = '';
    const { url, token, project, names } = this.source;
    const address = `${url}/api/v1/projects/${encodeURIComponent(project)}/events?names=${names.join(',')}`;
    while (!this.abort.signal.aborted) {
      try {
        const response = await fetch(address, {
          signal: this.abort.signal,
          headers: {
            accept: 'text/event-stream',
            authorization: `Bearer ${token}`,
            ...(lastId === '' ? {} : { 'last-event-id': lastId }),
          },
        });
        if (response.ok && response.body !== null) {
          for await (const event of parseEvents(response.body)) {
            if (event.id !== '') lastId = event.id;
            if (names.length > 0 && !names.includes(event.name)) continue;
            this.events.push(event);
            if (this.events.length > 1_000) this.events.shift();
            this.fresh = true;
            this.wake?.();
          }
        } else await response.body?.cancel();
      } catch {
        // The server went away or we are closing; polling goes on meanwhile.
      }
      await pause(1_000, this.abort.signal);
    }
  }
}

/** The payload of an event, whether it came bare or wrapped as {number, name, at, data}. */
export function eventData(event: ServerEvent): Record<string, unknown> {
  if (!isRecord(event.data)) return {};
  return isRecord(event.data['data']) ? event.data['data'] : event.data;
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
