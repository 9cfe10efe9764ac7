/** The frame of the pages about quality: one title, their tabs as links, and the range of time they share. */
import { SegmentedControl } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';
import { Page } from '../../components/page';

const TABS = [
  { to: '/p/$project/quality', label: 'Accuracy' },
  { to: '/p/$project/quality/drift', label: 'Drift' },
  { to: '/p/$project/quality/compare', label: 'Compare' },
  { to: '/p/$project/quality/labels', label: 'Label queue' },
  { to: '/p/$project/quality/budget', label: 'False alarms' },
] as const;

export function QualityFrame(props: {
  project: string;
  about: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const { project } = props;
  return (
    <Page title="Quality" about={props.about} actions={props.actions}>
      <nav aria-label="Quality" className="tab-list tab-links">
        {TABS.map(({ to, label }) => (
          <Link
            key={label}
            to={to}
            params={{ project }}
            activeOptions={{ exact: true, includeSearch: false }}
          >
            {label}
          </Link>
        ))}
      </nav>
      {props.children}
    </Page>
  );
}

const RANGES = [
  { value: '1', label: '1 h' },
  { value: '24', label: '24 h' },
  { value: '168', label: '7 d' },
  { value: '360', label: '15 d' },
  { value: '720', label: '30 d' },
];
const USUAL = '360';

/** Starts by length of the range, in hours: fixed for a minute, for one that moved would load anew at every render. */
const starts = new Map<string, { readonly atMs: number; readonly from: string }>();
const KEPT_MS = 60_000;

function startOf(hours: string): string {
  const nowMs = Date.now();
  const known = starts.get(hours);
  if (known !== undefined && nowMs - known.atMs < KEPT_MS) return known.from;
  const from = new Date(nowMs - Number(hours) * 3_600_000).toISOString();
  starts.set(hours, { atMs: nowMs, from });
  return from;
}

/** What the address says, else fifteen days. */
export function useRange() {
  const search: { range?: string } = useSearch({ strict: false });
  const hours = RANGES.find(({ value }) => value === search.range)?.value ?? USUAL;
  return useMemo(() => ({ hours: Number(hours), range: { from: startOf(hours) } }), [hours]);
}

export function RangeControl() {
  const navigate = useNavigate();
  const { hours } = useRange();
  return (
    <SegmentedControl
      aria-label="Range"
      size="xs"
      data={RANGES}
      value={String(hours)}
      onChange={(range) =>
        void navigate({
          to: '.',
          search: (before: object) => ({ ...before, range: range === USUAL ? undefined : range }),
          replace: true,
          resetScroll: false,
        })
      }
    />
  );
}
