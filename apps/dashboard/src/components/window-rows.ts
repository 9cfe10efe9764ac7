/** Which rows of a long list stand in or near the window: only those are drawn. Rows are of one height. */
import { useEffect, useState, type RefObject } from 'react';

export interface WindowRows {
  /** Index of the first row to draw, and one past the last. */
  readonly first: number;
  readonly end: number;
}

/** Rows that are drawn or left out together, so that scrolling by a few pixels draws nothing. */
const STEP = 16;

/** `top`: of the list, relative to the window's, pixels. */
export function rowsAt(top: number, view: { heightPx: number; rowPx: number; count: number }): WindowRows {
  const { heightPx, rowPx, count } = view;
  const step = (row: number): number => Math.floor(row / STEP) * STEP;
  const first = Math.min(Math.max(0, step(-top / rowPx) - STEP), step(count));
  // A list below the window shows its beginning all the same, to those who do not scroll by the eye.
  const end = Math.min(count, Math.max(first + STEP, step((heightPx - top) / rowPx) + 2 * STEP));
  return { first, end };
}

/** `list`: the element that holds the rows and the room of those left out. */
export function useWindowRows(list: RefObject<HTMLElement | null>, count: number, rowPx: number): WindowRows {
  const [rows, setRows] = useState<WindowRows>({ first: 0, end: 3 * STEP });
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
      setRows((now) => (now.first === next.first && now.end === next.end ? now : next));
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
  return { first: Math.min(rows.first, count), end: Math.min(rows.end, count) };
}
