// The modem's protocol by hand: a serial line that is a socket, and a broker that is a function.
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { Modem } from './modem.js';

const ESCAPE = 0x10;
const signal = (letter: string, number: number) => [ESCAPE, letter.charCodeAt(0), number];

class Broker extends Duplex {
  readonly got: Buffer[] = [];
  override _read(): void {}
  override _write(data: Buffer, _encoding: string, done: () => void): void {
    this.got.push(data);
    done();
  }
  get bytes(): number[] {
    return [...Buffer.concat(this.got)];
  }
}

let modem: Modem;
let serial: Socket;
let heard: number[];
const calls: Broker[] = [];

beforeEach(async () => {
  calls.length = 0;
  heard = [];
  modem = await Modem.listen(() => {
    const broker = new Broker();
    calls.push(broker);
    return broker;
  });
  serial = connect(modem.port, '127.0.0.1');
  serial.on('data', (data: Buffer) => heard.push(...data));
});
afterEach(async () => {
  serial.destroy();
  await modem.close();
});

const says = (...bytes: number[]) => serial.write(Buffer.from(bytes));
const hears = async (...bytes: number[]) => eventually(() => expect(heard).toEqual(bytes));
const callNumber = async (n: number): Promise<Broker> => {
  await eventually(() => expect(calls).toHaveLength(n));
  return calls[n - 1]!;
};

describe('modem', () => {
  it('should connect a call when the broker answers, and carry bytes both ways, escapes doubled', async () => {
    says(...signal('D', 0x21));
    const broker = await callNumber(1);
    expect(heard).toEqual([]);
    broker.emit('connect');
    await hears(...signal('C', 0x21));
    says(1, ESCAPE, ESCAPE, 2);
    await eventually(() => expect(broker.bytes).toEqual([1, ESCAPE, 2]));
    broker.push(Buffer.of(ESCAPE, 3, ESCAPE, ESCAPE));
    await hears(...signal('C', 0x21), ESCAPE, ESCAPE, 3, ESCAPE, ESCAPE, ESCAPE, ESCAPE);
    expect(modem.traffic).toEqual({ calls: 1, failures: 0, bytesIn: 3, bytesOut: 4 });
  });

  it('should take escapes byte by byte', async () => {
    for (const byte of [...signal('D', 0x22), 7, ESCAPE, ESCAPE]) {
      says(byte);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const broker = await callNumber(1);
    await eventually(() => expect(broker.bytes).toEqual([7, ESCAPE]));
  });

  it.each([
    ['the broker ends it', (broker: Broker) => broker.push(null)],
    ['the stream fails', (broker: Broker) => broker.destroy(new Error('reset'))],
    ['a test drops it', () => modem.dropCall()],
  ])('should say that a call is over when %s', async (_what, end) => {
    says(...signal('D', 0x23));
    const broker = await callNumber(1);
    broker.emit('connect');
    end(broker);
    await hears(...signal('C', 0x23), ...signal('H', 0x23));
    expect(broker.destroyed).toBe(true);
  });

  it('should refuse calls without coverage', async () => {
    modem.hasCoverage = false;
    says(...signal('D', 0x24));
    await hears(...signal('H', 0x24));
    expect(calls).toHaveLength(0);
    expect(modem.traffic.failures).toBe(1);
  });

  it('should say nothing more of a call whose device has hung up or dialled again', async () => {
    says(...signal('D', 0x25));
    const first = await callNumber(1);
    says(...signal('D', 0x26));
    const second = await callNumber(2);
    expect(first.destroyed).toBe(true);
    first.emit('connect');
    second.emit('connect');
    await hears(...signal('C', 0x26));
    says(...signal('H', 0x26));
    await eventually(() => expect(second.destroyed).toBe(true));
    await hears(...signal('C', 0x26));
  });

  it('should end the call of a line that is gone, and serve the next line', async () => {
    says(...signal('D', 0x27));
    const first = await callNumber(1);
    serial.destroy();
    await eventually(() => expect(first.destroyed).toBe(true));
    serial = connect(modem.port, '127.0.0.1');
    says(...signal('D', 0x28));
    expect((await callNumber(2)).destroyed).toBe(false);
  });
});
