/** One stream for all tabs. The network is faked: a source says what the test lets it say. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LiveTopics, MAX_LIVE_CHARACTERS, MAX_LIVE_TOPICS } from '@tinyfleet/contracts';
import {
  LiveHub,
  MAX_CHARACTERS,
  MAX_TOPICS,
  RENEW_MS,
  concerns,
  gatherTopics,
  type HubMessage,
} from './live-hub.js';

class Source extends EventTarget {
  static all: Source[] = [];
  static get open(): Source[] {
    return Source.all.filter(({ readyState }) => readyState !== 2);
  }
  readyState = 1;
  onopen = (): void => {};
  onerror = (): void => {};
  constructor(readonly url: string) {
    super();
    Source.all.push(this);
  }
  close(): void {
    this.readyState = 2;
  }
  say(
    name: 'changes' | 'reload',
    id: string,
    { changes = [] as string[], gone = [] as string[] } = {},
  ): void {
    const event = new MessageEvent(name, { lastEventId: id, data: JSON.stringify({ changes, gone }) });
    this.dispatchEvent(event);
  }
}

let hub: LiveHub;
beforeEach(() => {
  jest.useFakeTimers();
  Source.all = [];
  hub = new LiveHub((url) => new Source(url) as unknown as EventSource);
});
afterEach(() => {
  jest.useRealTimers();
});

function tab(...topics: string[]) {
  const heard: HubMessage[] = [];
  const port = (message: HubMessage): void => void heard.push(message);
  hub.show(port, { topics });
  jest.advanceTimersByTime(100);
  return { heard, show: (...next: string[]) => hub.show(port, { topics: next }) };
}
const urlOf = (source: Source | undefined) => decodeURIComponent(source?.url ?? '');

describe('LiveHub', () => {
  it('should have one stream for all tabs, and give each what it shows', () => {
    const one = tab('p/fleet', 'p/devices/d-1');
    const two = tab('p/devices/d-2', 'q/alerts');
    expect(Source.open).toHaveLength(1);
    const [source] = Source.open;
    expect(urlOf(source)).toBe('/api/v1/live?topics=p/devices/d-1,p/devices/d-2,p/fleet,q/alerts');
    source!.onopen();
    source!.say('changes', 'p:2,q:0', { changes: ['p/fleet', 'p/devices/d-2'] });
    source!.say('changes', 'p:3,q:0', { changes: ['p/devices'] });
    source!.say('reload', 'p:9,q:9');
    const live = { kind: 'state', state: 'live' };
    const start = { kind: 'state', state: 'connecting' };
    const any = { kind: 'changes', changes: ['p/devices'] };
    const again = { kind: 'reload' };
    expect(one.heard).toEqual([start, live, { kind: 'changes', changes: ['p/fleet'] }, any, again]);
    expect(two.heard).toEqual([start, live, { kind: 'changes', changes: ['p/devices/d-2'] }, any, again]);
  });

  it('should go on where it was when other topics are shown, and not ask anew for the same', () => {
    const one = tab('p/fleet');
    Source.open[0]!.say('changes', 'p:7');
    tab('p/fleet');
    expect(Source.all).toHaveLength(1);
    one.show('p/alerts');
    jest.advanceTimersByTime(100);
    expect(Source.open).toHaveLength(1);
    expect(urlOf(Source.open[0])).toBe('/api/v1/live?topics=p/alerts,p/fleet&after=p:7');
  });

  it('should close when nobody looks, and forget a tab that went without a word', () => {
    const one = tab('p/fleet');
    one.show();
    jest.advanceTimersByTime(100);
    expect(Source.open).toHaveLength(0);
    tab('p/alerts');
    const two = tab('p/fleet');
    for (let renewal = 0; renewal < 6; renewal++) {
      jest.advanceTimersByTime(RENEW_MS);
      two.show('p/fleet');
    }
    jest.advanceTimersByTime(100);
    expect(Source.open.map(urlOf)).toEqual(['/api/v1/live?topics=p/fleet']);
  });

  it('should come back after a refusal, later each time, and at once for a tab that comes', () => {
    const one = tab('p/fleet');
    const refuse = () => {
      const [source] = Source.open;
      source!.readyState = 2;
      source!.onerror();
    };
    refuse();
    expect(one.heard.at(-1)).toEqual({ kind: 'state', state: 'lost' });
    jest.advanceTimersByTime(1_999);
    expect(Source.open).toHaveLength(0);
    jest.advanceTimersByTime(1);
    expect(Source.open).toHaveLength(1);
    refuse();
    jest.advanceTimersByTime(1_000);
    expect(Source.open).toHaveLength(0);
    tab('p/alerts');
    expect(Source.open).toHaveLength(1);
    Source.open[0]!.onopen();
    expect(one.heard.at(-1)).toEqual({ kind: 'state', state: 'live' });
  });

  it('should answer a tab each time that it says what it shows, and no tab that goes', () => {
    const one = tab('p/fleet');
    one.show('p/fleet');
    one.show();
    expect(one.heard).toEqual(Array(2).fill({ kind: 'state', state: 'connecting' }));
  });

  it('should let a tab read again that it had forgotten, as both of a computer that slept', () => {
    const one = tab('p/fleet');
    const two = tab('p/fleet');
    jest.setSystemTime(Date.now() + 3_600_000);
    for (const each of [one, two, one, two]) each.show('p/fleet');
    const reloads = ({ heard }: typeof one) => heard.filter(({ kind }) => kind === 'reload');
    expect([reloads(one), reloads(two)].map(({ length }) => length)).toEqual([0, 1]);
  });

  it('should ask again for what is gone, and let tabs read it when it is there', () => {
    const one = tab('p/fleet', 'q/fleet');
    const [source] = Source.open;
    source!.say('changes', 'q:1', { gone: ['p'] });
    one.heard.length = 0;
    source!.say('changes', 'q:2');
    jest.advanceTimersByTime(29_999);
    expect(Source.open).toEqual([source]);
    jest.advanceTimersByTime(1);
    expect(Source.open.map(urlOf)).toEqual(['/api/v1/live?topics=p/fleet,q/fleet&after=q:2']);
    const [again] = Source.open;
    expect(one.heard).toEqual([]);
    again!.say('changes', 'p:1,q:2');
    again!.say('changes', 'p:1,q:2');
    expect(one.heard).toEqual([{ kind: 'reload' }]);
    jest.advanceTimersByTime(60_000);
    expect(Source.open).toEqual([again]);
  });

  it('should let tabs read again what is gone, and none but those that show it', () => {
    const one = tab('p/fleet');
    const two = tab('q/fleet');
    Source.open[0]!.say('changes', 'q:1', { gone: ['p'], changes: ['q/fleet'] });
    expect(one.heard.at(-1)).toEqual({ kind: 'reload' });
    expect(two.heard.at(-1)).toEqual({ kind: 'changes', changes: ['q/fleet'] });
  });
});

describe('gatherTopics', () => {
  const rows = (count: number, length = 1) =>
    Array.from({ length: count }, (_, n) => `p/devices/d-${String(n).padStart(length, '0')}`);

  it('should keep to the limits of the contract', () => {
    expect([MAX_TOPICS, MAX_CHARACTERS]).toEqual([MAX_LIVE_TOPICS, MAX_LIVE_CHARACTERS]);
    expect(gatherTopics(rows(MAX_TOPICS))).toHaveLength(MAX_TOPICS);
    expect(gatherTopics([...rows(MAX_TOPICS), 'p/alerts/1'])).toEqual(['p/alerts/1', 'p/devices']);
    expect(gatherTopics(rows(190, 40))).toEqual(['p/devices']);
    const projects = Array.from({ length: 300 }, (_, n) => `${String(n).padStart(60, 'a')}/fleet`);
    expect(LiveTopics.safeParse(gatherTopics(projects).join(',')).success).toBe(true);
  });

  it('should leave out rows of what is there as a whole', () => {
    expect(gatherTopics(['p/devices/d-1', 'p/devices', 'q/devices/d-1'])).toEqual([
      'p/devices',
      'q/devices/d-1',
    ]);
  });
});

describe('concerns', () => {
  it('should be the same, the whole of a row and a row of the whole', () => {
    expect(concerns('p/devices/d-1', 'p/devices/d-1')).toBe(true);
    expect(concerns('p/devices', 'p/devices/d-1')).toBe(true);
    expect(concerns('p/devices/d-1', 'p/devices')).toBe(true);
    expect(concerns('p/devices/d-1', 'p/devices/d-10')).toBe(false);
    expect(concerns('p/device', 'p/devices')).toBe(false);
  });
});
