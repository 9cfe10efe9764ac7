/** Which rows of a long list stand in or near the window: only those are drawn. Rows are of one height. */
import { useEffect, useRef, useState, type RefObject } from 'react';

/** Rows to draw; the key of a row is its index less `origin`. */
export interface DrawnRows extends WindowRows {
  readonly origin: number;
  /** None of them stays for another frame: nobody reads more of one than what it begins with. */
  readonly isPassing: boolean;
}

export interface WindowRows {
  /** Index of the first row to draw, and one past the last. */
  readonly first: number;
  readonly end: number;
}

interface View {
  readonly heightPx: number;
  readonly rowPx: number;
  readonly count: number;
}

/** Rows that are drawn or left out together, so that scrolling by a few pixels draws nothing. */
const STEP = 8;
/** A list that has jumped nowhere for so long stands. */
const REST_MS = 100;

/** `top`: of the list, relative to the window's, pixels. */
export function rowsAt(top: number, view: View): WindowRows {
  const { heightPx, rowPx, count } = view;
  const step = (row: number): number => Math.floor(row / STEP) * STEP;
  const first = Math.min(Math.max(0, step(-top / rowPx) - STEP), step(count));
  // A list below the window shows its beginning all the same, to those who do not scroll by the eye.
  const end = Math.min(count, Math.max(first + STEP, step((heightPx - top) / rowPx) + 2 * STEP));
  return { first, end };
}

/** Those that are seen, and no others: of a list that flies past, nobody comes to see the rows around them. As many wherever it is. */
function rowsSeen(top: number, { heightPx, rowPx, count }: View): WindowRows {
  const most = Math.ceil(heightPx / rowPx) + 1;
  const first = Math.max(0, Math.min(Math.floor(-top / rowPx), count - most));
  return { first, end: Math.min(count, first + most) };
}

const areApart = (a: WindowRows, b: WindowRows): boolean => a.first >= b.end || a.end <= b.first;

/**
 * While some rows stay, keys are kept and the others come and go. A jump that leaves none of them writes the rows that are seen into the
 * elements of the old: text costs a browser much less than elements.
 * @param isFlying it has jumped a moment ago
 */
export function drawnAt(now: DrawnRows, top: number, view: View, isFlying: boolean): DrawnRows {
  const calm = rowsAt(top, view);
  const next = isFlying || areApart(calm, now) ? rowsSeen(top, view) : calm;
  const hasJumped = areApart(next, now);
  // One jump, as by a key, comes to rest where it ends.
  const isPassing = isFlying && (hasJumped || now.isPassing);
  if (now.first === next.first && now.end === next.end && now.isPassing === isPassing) return now;
  return { ...next, origin: now.origin + (hasJumped ? next.first - now.first : 0), isPassing };
}

/** `list`: the element that holds the rows and the room of those left out. */
export function useWindowRows(list: RefObject<HTMLElement | null>, count: number, rowPx: number): DrawnRows {
  const [rows, setRows] = useState<DrawnRows>({ first: 0, end: 6 * STEP, origin: 0, isPassing: false });
  const drawn = useRef(rows);
  const flight = useRef<number | undefined>(undefined);
  const askAgain = useRef(() => {});
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const element = list.current;
      if (element === null) return;
      const { top } = element.getBoundingClientRect();
      const view = { heightPx: window.innerHeight, rowPx, count };
      const next = drawnAt(drawn.current, top, view, flight.current !== undefined);
      if (next.origin !== drawn.current.origin) {
        window.clearTimeout(flight.current);
        flight.current = window.setTimeout(() => {
          flight.current = undefined;
          askAgain.current();
        }, REST_MS);
      }
      drawn.current = next;
      setRows(next);
    };
    const ask = () => {
      if (frame === 0) frame = requestAnimationFrame(look);
    };
    askAgain.current = ask;
    ask();
    window.addEventListener('scroll', ask, { passive: true });
    window.addEventListener('resize', ask);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('scroll', ask);
      window.removeEventListener('resize', ask);
    };
  }, [list, count, rowPx]);
  useEffect(() => () => window.clearTimeout(flight.current), []);
  return { ...rows, first: Math.min(rows.first, count), end: Math.min(rows.end, count) };
}
