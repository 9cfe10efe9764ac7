/** A moment: relative in the text, absolute in the tooltip; ticks by itself. */
import { Text, Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';
import { formatRelative } from '../app/format';

let now = new Date();
const listeners = new Set<(now: Date) => void>();
window.setInterval(() => {
  now = new Date();
  listeners.forEach((listen) => listen(now));
}, 1_000);

/** One clock for the whole page. */
function useNow(): Date {
  const [value, setValue] = useState(now);
  useEffect(() => {
    listeners.add(setValue);
    return () => {
      listeners.delete(setValue);
    };
  }, []);
  return value;
}

export function Moment({ at, none = 'never' }: { at: string | null; none?: string }) {
  const current = useNow();
  if (at === null)
    return (
      <Text span inherit c="dimmed">
        {none}
      </Text>
    );
  const date = new Date(at);
  return (
    <Tooltip label={date.toLocaleString()} openDelay={200}>
      <time dateTime={at}>{formatRelative(date, current)}</time>
    </Tooltip>
  );
}
