/**
 * A tab's end of the live stream: asks for what the reads on the screen depend on, and reads again what a change makes old.
 * The stream itself is one for all tabs, in a SharedWorker (live-hub.ts).
 */
import type { LiveTopic, RouteName } from '@tinyfleet/contracts';
import type { Query } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { isLongList, queryClient } from './api';
import { LiveHub, RENEW_MS, concerns, type HubMessage, type LiveState, type TabMessage } from './live-hub';
import { gainsRows, isList, restMs, topicsOf } from './live-routes';

export type { LiveState } from './live-hub';

/** Gathers what a change of the page mounts and unmounts. */
const GATHER_MS = 50;
/** Rows that have stood still for this long are followed. */
const REST_MS = 200;
/** Until a read that is under way is looked at again. */
const BUSY_MS = 100;
/** Rows of a list that was read longer ago are read again when they come to be shown; a stream tells as much again. */
const FRESH_MS = 5_000;
/** Until a worker that does not answer is taken for one that browsers have ended. */
const ANSWER_MS = 10_000;

/** Rows on the screen, by whoever shows them. */
const shownRows = new Map<symbol, readonly string[]>();
let onShown = (): void => {};

/** Says which rows of a list stand on the screen: the others need not be told of. */
export function useShownRows(project: string, topic: LiveTopic, rows: readonly string[]): void {
  const topics = rows.map((row) => `${project}/${topic}/${row}`).join(',');
  const [key] = useState(() => Symbol(topic));
  useEffect(() => {
    const say = () => {
      if (topics === '') shownRows.delete(key);
      else shownRows.set(key, topics.split(','));
      onShown();
    };
    // What only flies past need not be followed.
    if (!shownRows.has(key)) return say();
    const timer = window.setTimeout(say, REST_MS);
    return () => window.clearTimeout(timer);
  }, [key, topics]);
  useEffect(
    () => () => {
      shownRows.delete(key);
      onShown();
    },
    [key],
  );
}

export function useLiveEvents(project: string): LiveState {
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => follow(project, setState), [project]);
  return state;
}

/** @returns how to stop */
function follow(project: string, onState: (state: LiveState) => void): () => void {
  const cache = queryClient.getQueryCache();
  const refresher = new Refresher();
  const shown = () => cache.findAll({ queryKey: [project], type: 'active' });
  const hub = connect((message) => {
    if (message.kind === 'state') return onState(message.state);
    for (const query of shown()) {
      const topics = topicsOf(query.queryKey);
      const isOld =
        message.kind === 'reload'
          ? topics.length > 0
          : message.changes.some((change) => topics.some((topic) => concerns(change, topic)));
      if (isOld) refresher.refresh(query);
    }
  });
  let told: readonly string[] = [];
  // Of a list, when its first page was read: the others come one by one, and say nothing of those before.
  const readAt = new WeakMap<Query, number>();
  const tell = () => {
    const topics = wantedTopics(shown());
    const gained = topics.filter((topic) => !told.includes(topic));
    told = topics;
    hub.say({ topics });
    for (const query of shown()) {
      const ageMs = Date.now() - (readAt.get(query) ?? query.state.dataUpdatedAt);
      if (query.state.data !== undefined && ageMs > FRESH_MS && gainsRows(query.queryKey, gained))
        refresher.refresh(query);
    }
  };
  let timer: number | undefined;
  const look = () => {
    timer ??= window.setTimeout(() => {
      timer = undefined;
      if (wantedTopics(shown()).join(',') !== told.join(',')) tell();
    }, GATHER_MS);
  };
  const unsubscribe = cache.subscribe((event) => {
    const { type, query } = event;
    if (
      type === 'updated' &&
      event.action.type === 'success' &&
      query.state.fetchMeta?.fetchMore === undefined
    )
      readAt.set(query as Query, Date.now());
    // Nobody is told of what nobody shows: it is read when it is shown again.
    if (type === 'observerRemoved' && !query.isActive() && topicsOf((query as Query).queryKey).length > 0)
      query.invalidate();
    if (type === 'observerAdded' || type === 'observerRemoved' || type === 'removed') look();
  });
  onShown = look;
  const renewal = window.setInterval(tell, RENEW_MS);
  const leave = () => hub.say({ topics: [] });
  window.addEventListener('pagehide', leave);
  window.addEventListener('pageshow', tell);
  tell();
  return () => {
    window.removeEventListener('pagehide', leave);
    window.removeEventListener('pageshow', tell);
    window.clearInterval(renewal);
    window.clearTimeout(timer);
    unsubscribe();
    onShown = () => {};
    refresher.stop();
    hub.close();
  };
}

function wantedTopics(queries: readonly Query[]): string[] {
  const rows = [...shownRows.values()].flat();
  const topics = queries.flatMap((query) => {
    const own = topicsOf(query.queryKey);
    // Of a list, what stands on the screen.
    return isList(query.queryKey)
      ? own.filter((topic) => !rows.some((row) => row.startsWith(`${topic}/`)))
      : own;
  });
  return [...new Set([...topics, ...rows])].sort();
}

/** Reads again, at once for a change after a rest, and not more often than a read may be. */
class Refresher {
  private readonly timers = new Map<Query, number>();
  private readonly readAt = new WeakMap<Query, number>();

  refresh(query: Query): void {
    if (this.timers.has(query)) return;
    const rest = restMs(query.queryKey[1] as RouteName);
    const waitMs = (this.readAt.get(query) ?? -Infinity) + rest - performance.now();
    this.read(query, Math.max(0, waitMs));
  }

  stop(): void {
    this.timers.forEach((timer) => window.clearTimeout(timer));
  }

  private read(query: Query, waitMs: number): void {
    const timer = window.setTimeout(() => {
      // A read that is under way may be from before the change, and one that is always begun anew never ends.
      if (query.state.fetchStatus === 'fetching') return this.read(query, BUSY_MS);
      this.timers.delete(query);
      this.readAt.set(query, performance.now());
      const refetchType = isLongList(query.state.data) ? 'none' : 'active';
      void queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true, refetchType });
    }, waitMs);
    this.timers.set(query, timer);
  }
}

interface Hub {
  /** What this tab shows now. */
  say(message: TabMessage): void;
  close(): void;
}

/** The hub of this browser, or one of this tab where browsers have none (Chrome on Android) or have ended it. */
function connect(hear: (message: HubMessage) => void): Hub {
  if (typeof SharedWorker === 'undefined') return ownHub(hear);
  const worker = new SharedWorker(new URL('./live-worker.ts', import.meta.url), { type: 'module' });
  const { port } = worker;
  let last: TabMessage = { topics: [] };
  let own: Hub | undefined;
  let timer: number | undefined;
  const calm = () => {
    window.clearTimeout(timer);
    timer = undefined;
  };
  const leave = () => {
    calm();
    port.onmessage = null;
    port.postMessage({ topics: [] } satisfies TabMessage);
    port.close();
  };
  const giveUp = () => {
    if (own !== undefined) return;
    leave();
    own = ownHub(hear);
    own.say(last);
    // Nobody knows since when.
    hear({ kind: 'reload' });
  };
  port.onmessage = ({ data }: MessageEvent<HubMessage>) => {
    calm();
    hear(data);
  };
  // It could not be loaded.
  worker.onerror = giveUp;
  return {
    say: (message) => {
      last = message;
      if (own !== undefined) return own.say(message);
      port.postMessage(message);
      if (message.topics.length === 0) calm();
      else timer ??= window.setTimeout(giveUp, ANSWER_MS);
    },
    close: () => (own === undefined ? leave() : own.close()),
  };
}

function ownHub(hear: (message: HubMessage) => void): Hub {
  const hub = new LiveHub();
  return { say: (message) => hub.show(hear, message), close: () => hub.show(hear, { topics: [] }) };
}
