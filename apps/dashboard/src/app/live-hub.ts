/**
 * One live stream for all tabs: it asks the server for what any of them shows and gives each what it shows. It runs in a
 * SharedWorker, or in the tab where there is none; topics are opaque here.
 */

export type LiveState = 'connecting' | 'live' | 'lost';
/** What a tab shows now, whole; sent again from time to time to say that the tab is there. */
export interface TabMessage {
  readonly topics: readonly string[];
}
export type HubMessage =
  | { readonly kind: 'state'; readonly state: LiveState }
  | { readonly kind: 'changes'; readonly changes: readonly string[] }
  | { readonly kind: 'reload' };
/** Gives a message to a tab. */
export type TabPort = (message: HubMessage) => void;

/** A tab says at least that often that it is there; browsers wake those out of sight once a minute. */
export const RENEW_MS = 45_000;
const LEASE_MS = 180_000;
/** Gathers what tabs show while pages change and tables scroll. */
const GATHER_MS = 100;
const RETRY_MS = 2_000;
const MAX_RETRY_MS = 30_000;
/** Until a project that is gone is asked for again: one may be made under its name. */
const GONE_MS = 30_000;

/** As the contract has them, which is not loaded into the worker. */
export const MAX_TOPICS = 200;
export const MAX_CHARACTERS = 7_500;

interface Tab {
  readonly topics: readonly string[];
  readonly renewedAt: number;
}

/** Whether a change concerns who shows a topic: the same, the whole of a row, or a row of the whole. */
export function concerns(change: string, topic: string): boolean {
  return change === topic || change.startsWith(`${topic}/`) || topic.startsWith(`${change}/`);
}

/** Every topic once, no row of what is there as a whole; the rows of the largest become the whole until all fit. */
export function gatherTopics(topics: Iterable<string>): string[] {
  const wholeOf = (topic: string): string => topic.split('/').slice(0, 2).join('/');
  const all = new Set(topics);
  for (;;) {
    for (const topic of all) if (topic !== wholeOf(topic) && all.has(wholeOf(topic))) all.delete(topic);
    if (all.size <= MAX_TOPICS && [...all].join(',').length <= MAX_CHARACTERS) return [...all].sort();
    const rows = new Map<string, number>();
    for (const topic of all)
      if (topic !== wholeOf(topic)) rows.set(wholeOf(topic), (rows.get(wholeOf(topic)) ?? 0) + 1);
    const [largest] = [...rows].sort((a, b) => b[1] - a[1]);
    // Only whole topics are left: too many projects at once. The rest is not live.
    if (largest === undefined) return [...all].sort().slice(0, MAX_TOPICS / 2);
    all.add(largest[0]);
  }
}

export class LiveHub {
  private readonly tabs = new Map<TabPort, Tab>();
  private source: EventSource | undefined;
  private state: LiveState = 'connecting';
  /** What the stream was asked for. */
  private asked = '';
  /** Of the last frame: other topics go on from there. */
  private lastId = '';
  /** Projects that the stream could not have. */
  private gone: readonly string[] = [];
  /** Tabs that said nothing for too long, a night's sleep perhaps: nobody told them of anything since. */
  private readonly forgotten = new WeakSet<TabPort>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private goneTimer: ReturnType<typeof setTimeout> | undefined;
  private retryMs = RETRY_MS;

  constructor(private readonly openStream: (url: string) => EventSource = (url) => new EventSource(url)) {}

  /** What a tab shows now; nothing when it goes. One that shows something is answered with the state. */
  show(port: TabPort, { topics }: TabMessage): void {
    const now = Date.now();
    const isNew = !this.tabs.has(port);
    if (topics.length === 0) this.tabs.delete(port);
    else this.tabs.set(port, { topics, renewedAt: now });
    // Gone without a word.
    for (const [other, { renewedAt }] of this.tabs) {
      if (now - renewedAt <= LEASE_MS) continue;
      this.tabs.delete(other);
      this.forgotten.add(other);
    }
    if (topics.length > 0) {
      port({ kind: 'state', state: this.state });
      if (this.forgotten.delete(port)) port({ kind: 'reload' });
    }
    // Somebody logged in again, perhaps.
    if (isNew && this.state === 'lost') this.close();
    this.gather(GATHER_MS);
  }

  private gather(waitMs: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.ask();
    }, waitMs);
  }

  private ask(): void {
    const topics = gatherTopics([...this.tabs.values()].flatMap((tab) => tab.topics));
    const asked = topics.join(',');
    if (asked === this.asked && this.source !== undefined) return;
    this.close();
    if (topics.length === 0) {
      // Nobody looks: what happens until somebody does is read then.
      this.lastId = '';
      return this.tell('connecting');
    }
    this.asked = asked;
    const after = this.lastId === '' ? '' : `&after=${this.lastId}`;
    // Names need no encoding, and so it stays short.
    this.follow(this.openStream(`/api/v1/live?topics=${asked}${after}`));
  }

  private follow(source: EventSource): void {
    this.source = source;
    let wasGone = this.gone;
    this.gone = [];
    source.onopen = () => {
      this.retryMs = RETRY_MS;
      this.tell('live');
    };
    source.onerror = () => {
      // Else it comes back by itself, with Last-Event-ID.
      if (source.readyState !== 2) return this.tell('connecting');
      // Refused: nobody is logged in, a proxy without a server behind it, or all projects are gone.
      this.close();
      this.tell('lost');
      this.gather(this.retryMs);
      this.retryMs = Math.min(MAX_RETRY_MS, this.retryMs * 2);
    };
    const take = (handle: (frame: { changes: string[]; gone: string[] }) => void) => (event: Event) => {
      const { lastEventId, data } = event as MessageEvent<string>;
      this.lastId = lastEventId;
      const { changes, gone } = JSON.parse(data) as { changes: string[]; gone: string[] };
      if (gone.length > 0) this.askLaterFor(gone);
      // What is gone is read again, and says so; what was gone may be there.
      handle({ changes, gone: [...wasGone, ...gone] });
      wasGone = [];
    };
    source.addEventListener(
      'changes',
      take(({ changes, gone }) => {
        this.each((port, { topics }) => {
          const isGone = topics.some((topic) => gone.some((project) => concerns(topic, project)));
          const own = changes.filter((change) => topics.some((topic) => concerns(change, topic)));
          if (isGone) port({ kind: 'reload' });
          else if (own.length > 0) port({ kind: 'changes', changes: own });
        });
      }),
    );
    source.addEventListener(
      'reload',
      take(() => this.each((port) => port({ kind: 'reload' }))),
    );
  }

  private askLaterFor(gone: readonly string[]): void {
    this.gone = gone;
    this.goneTimer ??= setTimeout(() => {
      this.close();
      this.ask();
    }, GONE_MS);
  }

  private close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.goneTimer);
    this.timer = undefined;
    this.goneTimer = undefined;
    this.source?.close();
    this.source = undefined;
    this.asked = '';
  }

  private tell(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    this.each((port) => port({ kind: 'state', state }));
  }

  private each(give: (port: TabPort, tab: Tab) => void): void {
    for (const [port, tab] of this.tabs) give(port, tab);
  }
}
