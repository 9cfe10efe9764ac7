/** Which rows of a long list stand in or near the window: only those are drawn. Rows are of one height. */
import { useEffect, useState, type RefObject } from 'react';

/** Rows to draw; the key of a row is its index less `origin`. */
export interface DrawnRows extends WindowRows {
  readonly origin: number;
}

export interface WindowRows {
  /** Index of the first row to draw, and one past the last. */
  readonly first: number;
  readonly end: number;
}

/** Rows that are drawn or left out together, so that scrolling by a few pixels draws nothing. */
const STEP = 8;

/** `top`: of the list, relative to the window's, pixels. */
export function rowsAt(top: number, view: { heightPx: number; rowPx: number; count: number }): WindowRows {
  const { heightPx, rowPx, count } = view;
  const step = (row: number): number => Math.floor(row / STEP) * STEP;
  const first = Math.min(Math.max(0, step(-top / rowPx) - STEP), step(count));
  // A list below the window shows its beginning all the same, to those who do not scroll by the eye.
  const end = Math.min(count, Math.max(first + STEP, step((heightPx - top) / rowPx) + 2 * STEP));
  return { first, end };
}

/**
 * While some rows stay, keys are kept and the others come and go. A jump that leaves none of them writes the new rows into the
 * elements of the old: text costs a browser much less than elements.
 */
export function drawnAt(now: DrawnRows, next: WindowRows): DrawnRows {
  if (now.first === next.first && now.end === next.end) return now;
  const isJump = next.first >= now.end || next.end <= now.first;
  return { ...next, origin: now.origin + (isJump ? next.first - now.first : 0) };
}

/** `list`: the element that holds the rows and the room of those left out. */
export function useWindowRows(list: RefObject<HTMLElement | null>, count: number, rowPx: number): DrawnRows {
  const [rows, setRows] = useState<DrawnRows>({ first: 0, end: 6 * STEP, origin: 0 });
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const element = list.current;
      if (element === null) return;
      const next = rowsAt(element.getBoundingClientRect().top, {
        heightPx: window.innerHeight,
        rowPx,
        count,
      });
      setRows((now) => drawnAt(now, next));
    };
    const ask = () => {
      if (frame === 0) frame = requestAnimationFrame(look);
    };
    ask();
    window.addEventListener('scroll', ask, { passive: true });
    window.addEventListener('resize', ask);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('scroll', ask);
      window.removeEventListener('resize', ask);
    };
  }, [list, count, rowPx]);
  return { ...rows, first: Math.min(rows.first, count), end: Math.min(rows.end, count) };
}
