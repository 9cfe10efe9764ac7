// The scheduler: due devices in order, wakes at once, long slices cut.
import { afterEach, describe, expect, it } from '@jest/globals';
import { DeviceClock } from './clock.js';
import { Scheduler, type Schedulable } from './scheduler.js';

let running: Scheduler<Probe> | null = null;
afterEach(() => running?.stop());

class Probe implements Schedulable {
  readonly clock = new DeviceClock();
  dueUs = 0;
  readonly steps: number[] = [];
  constructor(private readonly periodUs: number) {}
  step(): void {
    this.steps.push(this.clock.nowUs());
    this.dueUs = this.clock.nowUs() + this.periodUs;
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function run(...devices: Probe[]): Scheduler<Probe> {
  running = new Scheduler<Probe>();
  for (const device of devices) running.add(device);
  running.start();
  return running;
}

describe('Scheduler', () => {
  it('should step each device at its own period', async () => {
    const [fast, slow] = [new Probe(10_000), new Probe(60_000)];
    run(fast, slow);
    // A busy machine may delay steps; it never brings them closer together.
    while (slow.steps.length < 3) await wait(20);
    expect(fast.steps.length).toBeGreaterThan(slow.steps.length);
    for (const [probe, periodUs] of [
      [fast, 10_000],
      [slow, 60_000],
    ] as const) {
      for (let i = 1; i < probe.steps.length; i++)
        expect(probe.steps[i]! - probe.steps[i - 1]!).toBeGreaterThanOrEqual(0.98 * periodUs);
    }
  });

  it('should step a device that is woken although it is not due', async () => {
    const device = new Probe(10_000_000);
    const scheduler = run(device);
    await wait(20);
    expect(device.steps).toHaveLength(1);
    scheduler.wake(device);
    scheduler.wake(device);
    await wait(20);
    expect(device.steps).toHaveLength(2);
  });

  it('should step those that are due between those that are woken again and again', async () => {
    let nowMs = 0;
    const order: string[] = [];
    running = new Scheduler<Probe>({ hostMs: () => nowMs });
    const scheduler = running;
    const named = (name: string, periodUs: number): Probe =>
      new (class extends Probe {
        override readonly clock = new DeviceClock(() => nowMs);
        override step(): void {
          order.push(name);
          super.step();
          nowMs += 5;
          for (const device of chatty) scheduler.wake(device);
        }
      })(periodUs);
    const chatty = [named('a', 1e9), named('b', 1e9)];
    for (const device of [...chatty, named('due', 12_000)]) scheduler.add(device);
    scheduler.start();
    while (order.length < 12) await wait(5);
    expect(order.slice(0, 12).filter((name) => name === 'due').length).toBeGreaterThanOrEqual(3);
  });

  it('should step a device again that is woken by its own step', async () => {
    const device: Probe = new (class extends Probe {
      override step(): void {
        super.step();
        if (this.steps.length < 3) scheduler.wake(this);
      }
    })(10_000_000);
    const scheduler = run();
    scheduler.add(device);
    await wait(30);
    expect(device.steps).toHaveLength(3);
  });

  it('should leave driven devices to whoever drives them', async () => {
    const device = new Probe(1_000);
    device.clock.driveTo(0);
    const scheduler = run(device);
    await wait(20);
    expect(device.steps).toHaveLength(0);
    device.clock.release();
    scheduler.replan(device);
    await wait(20);
    expect(device.steps.length).toBeGreaterThan(0);
  });

  it('should serve timers while devices want to go on at once', async () => {
    const busy = Array.from({ length: 50 }, () => new Probe(0));
    run(...busy);
    const started = performance.now();
    await wait(30);
    expect(performance.now() - started).toBeLessThan(120);
    const counts = busy.map((device) => device.steps.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it('should forget a removed device', async () => {
    const devices = Array.from({ length: 20 }, (_, i) => new Probe(1_000 + i));
    const scheduler = run(...devices);
    await wait(10);
    for (const device of devices.slice(0, 19)) scheduler.remove(device);
    const before = devices[0]!.steps.length;
    const last = devices[19]!.steps.length;
    await wait(20);
    expect(devices[0]!.steps.length).toBe(before);
    expect(devices[19]!.steps.length).toBeGreaterThan(last);
    expect(scheduler.size).toBe(1);
  });
});

describe('DeviceClock', () => {
  it('should run in real time, be driven, and run on from where it was let go', () => {
    let hostMs = 1_000;
    const clock = new DeviceClock(() => hostMs);
    hostMs += 5;
    expect(clock.nowUs()).toBe(5_000);
    clock.driveTo(9e9);
    hostMs += 100;
    expect(clock.nowUs()).toBe(9e9);
    clock.driveTo(1); // never back
    expect(clock.nowUs()).toBe(9e9);
    clock.release();
    hostMs += 1;
    expect(clock.nowUs()).toBe(9e9 + 1_000);
  });
});
