/**
 * Server-sent events of one project: refreshes what an event made stale. The browser reconnects by itself and
 * resumes by Last-Event-ID. Bursts are gathered, so 1,000 events cost one read.
 */
import { eventSchemas, type EventName, type RouteName } from '@tinyfleet/contracts';
import { useEffect, useState } from 'react';
import { isLongList, queryClient } from './api';
import { gatherMs, STALE_ROUTES } from './stale-routes';

export type LiveState = 'connecting' | 'live' | 'lost';

export function useLiveEvents(project: string): LiveState {
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => {
    const source = new EventSource(`/api/v1/projects/${encodeURIComponent(project)}/events`);
    const timers = new Map<RouteName, number>();
    const refresh = (route: RouteName) => {
      if (timers.has(route)) return;
      const timer = window.setTimeout(() => {
        timers.delete(route);
        const queryKey = [project, route];
        void queryClient.invalidateQueries({ queryKey, predicate: (query) => !isLongList(query.state.data) });
        void queryClient.invalidateQueries({
          queryKey,
          predicate: (query) => isLongList(query.state.data),
          refetchType: 'none',
        });
      }, gatherMs(route));
      timers.set(route, timer);
    };
    source.onopen = () => setState('live');
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? 'lost' : 'connecting');
    for (const name of Object.keys(eventSchemas) as EventName[]) {
      source.addEventListener(name, () => STALE_ROUTES[name].forEach(refresh));
    }
    return () => {
      source.close();
      timers.forEach((timer) => window.clearTimeout(timer));
    };
  }, [project]);
  return state;
}
