/** A moment: relative in the text, absolute in the tooltip; ticks by itself. */
import { useSyncExternalStore } from 'react';
import { formatRelative } from '../app/format';

let now = new Date();
const listeners = new Set<() => void>();
window.setInterval(() => {
  now = new Date();
  listeners.forEach((listen) => listen());
}, 1_000);

/** One clock for the whole page. */
function subscribe(listen: () => void): () => void {
  listeners.add(listen);
  return () => listeners.delete(listen);
}

/** As Date.toLocaleString, which makes a format anew each time. */
const absolute = new Intl.DateTimeFormat(undefined, {
  ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
  ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
});

export function Moment({ at, none = 'never' }: { at: string | null; none?: string }) {
  return at === null ? <span className="dimmed">{none}</span> : <Known at={at} />;
}

/** Drawn again when its words change, not when the clock ticks. */
function Known({ at }: { at: string }) {
  const date = new Date(at);
  const words = useSyncExternalStore(subscribe, () => formatRelative(date, now));
  return (
    <time dateTime={at} title={absolute.format(date)}>
      {words}
    </time>
  );
}
