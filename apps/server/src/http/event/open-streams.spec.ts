/** Streams whose client has left already. */
import { describe, expect, it, jest } from '@jest/globals';
import type { Credential } from '@tinyfleet/auth';
import type { EventListener, PgEventReader } from '@tinyfleet/storage';
import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { EventStreams } from './event-streams.js';
import { OpenStreams } from './open-streams.js';

describe('OpenStreams', () => {
  it('should keep nothing of a client that left before its stream began', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
    socket.destroy();
    await once(response, 'close');
    let subscribed = 0;
    const subscribe = (): (() => void) => {
      subscribed++;
      return () => {};
    };
    const listener = { subscribe, subscribeToAccess: subscribe } as unknown as EventListener;
    const streams = new OpenStreams(listener);
    const isAllowed = async (): Promise<boolean> => true;
    const events = new EventStreams({} as PgEventReader, listener, streams, {} as Logger);
    await events.open(response, { scope: {} as never, names: undefined, after: 0, isAllowed });
    expect(streams.count).toBe(0);
    expect(subscribed).toBe(0);
    server.close();
  });

  it('should look up a right once at a time, and again for what changed meanwhile', async () => {
    jest.useFakeTimers();
    try {
      let change = (): void => {};
      const subscribeToAccess = (told: () => void): (() => void) => {
        change = told;
        return () => {};
      };
      const streams = new OpenStreams({ subscribeToAccess } as unknown as EventListener);
      const stream = { writeHead: () => {}, write: () => true, end: jest.fn(), writableEnded: false };
      const response = Object.assign(new EventEmitter(), stream) as unknown as ServerResponse;
      const asked: ((isAllowed: boolean) => void)[] = [];
      streams.begin(response, async () => await new Promise((resolve) => asked.push(resolve)));
      for (let changes = 0; changes < 3; changes++) {
        change();
        await jest.advanceTimersByTimeAsync(200);
      }
      expect(asked).toHaveLength(1);
      asked[0]!(true);
      await jest.advanceTimersByTimeAsync(0);
      expect(asked).toHaveLength(2);
      expect(stream.end).not.toHaveBeenCalled();
      asked[1]!(false);
      await jest.advanceTimersByTimeAsync(0);
      expect(stream.end).toHaveBeenCalledTimes(1);
      expect(asked).toHaveLength(2);
      response.emit('close');
    } finally {
      jest.useRealTimers();
    }
  });

  it('should have as many streams of a person as the limit, with all of his tokens, and no more', async () => {
    const streams = new OpenStreams({} as EventListener, 2);
    const response = (): ServerResponse => new EventEmitter() as ServerResponse;
    const by = (person: string | null, id: string) => ({
      credential: { id, person: person === null ? null : { id: person } } as Credential,
    });
    const first = response();
    streams.admit(first, by('ann', 'session'));
    streams.admit(response(), by('ann', 'token'));
    expect(() => streams.admit(response(), by('ann', 'other'))).toThrow(
      expect.objectContaining({ code: 'server.too-many-streams', data: { limit: 2 } }),
    );
    streams.admit(response(), by('bob', 'session'));
    streams.admit(response(), by(null, 'local'));
    first.emit('close');
    streams.admit(response(), by('ann', 'session'));
    expect(() => streams.admit(response(), by('ann', 'session'))).toThrow('2 streams');
  });
});
