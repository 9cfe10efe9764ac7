/** Parsing of server-sent events. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventData, parseEvents, type ServerEvent } from './events.js';

const text =
  ': hello\n\nid: 7\nevent: build.changed\ndata: {"number":7,"data":{"state":"running"}}\n\n' +
  'event:note\r\ndata: two\r\ndata:lines\r\n\r\nid: 8\n\ndata\n\ndata: unfinished';

async function parse(chunks: Uint8Array[]): Promise<ServerEvent[]> {
  async function* source() {
    await Promise.resolve();
    yield* chunks;
  }
  const events: ServerEvent[] = [];
  for await (const event of parseEvents(source())) events.push(event);
  return events;
}

describe('server-sent events', () => {
  it('should read id, name and data, and drop what is unfinished', async () => {
    const events = await parse([new TextEncoder().encode(text)]);
    expect(events).toEqual([
      { id: '7', name: 'build.changed', data: { number: 7, data: { state: 'running' } } },
      { id: '7', name: 'note', data: 'two\nlines' },
      { id: '8', name: 'message', data: '' },
    ]);
    expect(eventData(events[0] as ServerEvent)).toEqual({ state: 'running' });
  });

  it('should not depend on how the stream is cut', async () => {
    const bytes = new TextEncoder().encode(text.replace('lines', 'l\u00efnes'));
    const whole = await parse([bytes]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(await parse(chunks)).toEqual(whole);
      }),
    );
  });
});
