/** Devices in a table that goes on while one scrolls. However many there are, only those near the window are drawn. */
import { Anchor, Group, Skeleton, Text, UnstyledButton } from '@mantine/core';
import { useRouter } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { memo, useEffect, useLayoutEffect, useRef, type MouseEvent, type ReactNode } from 'react';
import { isLongList } from '../../app/api';
import { useShownRows } from '../../app/live';
import { formatInteger, shortDigest } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Problem } from '../../components/page';
import { Moment } from '../../components/time';
import { useWindowRows } from '../../components/window-rows';

/** What the table shows of a device. */
export type DeviceRow = Pick<
  Resource<'Device'>,
  | 'name'
  | 'type'
  | 'tags'
  | 'site'
  | 'state'
  | 'presence'
  | 'lastContactAt'
  | 'activeRelease'
  | 'activeDigest'
  | 'updateState'
>;
export type DeviceSort = 'name' | 'lastSeen' | 'createdAt';

type Pages = readonly { readonly items: readonly DeviceRow[] }[];
const NO_PAGES: Pages = [];

/** Each text once: of a page of devices, nearly all have the same type and run the same release. */
export function deviceRows(devices: readonly Resource<'Device'>[]): DeviceRow[] {
  const texts = new Map<string, string>();
  const once = <T extends string | null>(text: T): T => {
    if (text === null) return text;
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return (known ?? text) as T;
  };
  return devices.map((device) => ({
    name: device.name,
    type: once(device.type),
    tags: device.tags.length === 0 ? NO_TAGS : device.tags.map(once),
    site: once(device.site),
    state: device.state,
    presence: device.presence,
    lastContactAt: once(device.lastContactAt),
    activeRelease: once(device.activeRelease),
    activeDigest: once(device.activeDigest),
    updateState: device.updateState,
  }));
}
const NO_TAGS: string[] = [];

interface DeviceListQuery {
  readonly data: { readonly pages: Pages } | undefined;
  readonly error: unknown;
  readonly isStale: boolean;
  readonly hasNextPage: boolean;
  readonly isFetching: boolean;
  readonly fetchNextPage: () => unknown;
}

/** As .device-table has it in app.css, pixels. */
const ROW_PX = 36;
/** Rows from the end at which the next page is asked for. */
const AHEAD = 48;
const SKELETONS = 8;

export function DeviceTable(props: {
  project: string;
  list: DeviceListQuery;
  /** Reads a long list from its first page. */
  onReset: () => void;
  sort: DeviceSort;
  onSort: (sort: DeviceSort) => void;
  /** Said when there is none. */
  none: ReactNode;
  /** What a row ends with. */
  action?: (device: DeviceRow) => ReactNode;
}) {
  const { list } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const pages = list.data?.pages ?? NO_PAGES;
  const count = pages.reduce((sum, { items }) => sum + items.length, 0);
  const { first, end, origin, isPassing } = useWindowRows(body, count, ROW_PX);
  const rows = rowsBetween(pages, first, end);
  useShownRows(
    props.project,
    'devices',
    rows.map(({ name }) => name),
  );
  const { hasNextPage, isFetching, fetchNextPage } = list;
  const isNearEnd = end >= count - AHEAD;
  useEffect(() => {
    // One more page would end a read of all that is under way.
    if (isNearEnd && hasNextPage && !isFetching) void fetchNextPage();
  }, [isNearEnd, hasNextPage, isFetching, fetchNextPage]);
  const isWaiting = list.data === undefined && list.error === null;
  const { openDevice, preloadDevice } = useDeviceLinks(props.project);
  return (
    <>
      {list.error === null || list.data !== undefined ? null : <Problem error={list.error} />}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Device table">
        <table
          className="device-table"
          data-actions={props.action !== undefined}
          role="table"
          aria-rowcount={-1}
        >
          <thead role="rowgroup">
            <tr role="row">
              <SortHead {...props} text="Name" by="name" />
              <th role="columnheader">Presence</th>
              <th role="columnheader">Runs</th>
              <th role="columnheader">Update</th>
              <th role="columnheader">Type</th>
              <th role="columnheader">Tags</th>
              <SortHead {...props} text="Last contact" by="lastSeen" />
            </tr>
          </thead>
          <tbody
            ref={body}
            role="rowgroup"
            data-passing={isPassing}
            style={{ height: (isWaiting ? SKELETONS : count) * ROW_PX, paddingTop: first * ROW_PX }}
            onClick={openDevice}
            onMouseOver={(event) => {
              preloadDevice(event);
              showWhole(event);
            }}
          >
            {isWaiting ? <SkeletonRows /> : null}
            {rows.map((device, index) => (
              <Row
                key={first + index - origin}
                device={device}
                project={props.project}
                index={first + index}
                isPassing={isPassing}
                {...(props.action === undefined ? {} : { action: props.action })}
              />
            ))}
          </tbody>
        </table>
      </div>
      {list.data !== undefined && count === 0 ? (
        <Text c="dimmed" size="sm" ta="center" py="md" component="div">
          {props.none}
        </Text>
      ) : null}
      <Group justify="space-between" mt="xs" mih={22} gap="xs">
        <Text size="xs" c="dimmed" aria-live="polite">
          {count === 0
            ? ''
            : list.hasNextPage
              ? `${formatInteger(count)} read so far; more come as you scroll`
              : plural(count, 'device')}
        </Text>
        {isLongList(list.data) && list.isStale ? (
          <Text size="xs" c="dimmed">
            It may have changed since.{' '}
            <Anchor component="button" type="button" size="xs" onClick={props.onReset}>
              Read the list again
            </Anchor>
          </Text>
        ) : null}
      </Group>
    </>
  );
}

/** Without an array of all of them: it would be made anew with every page that comes. */
function rowsBetween(pages: Pages, first: number, end: number): DeviceRow[] {
  const rows: DeviceRow[] = [];
  let at = 0;
  for (const { items } of pages) {
    if (at < end && at + items.length > first) rows.push(...items.slice(Math.max(0, first - at), end - at));
    at += items.length;
  }
  return rows;
}

function SkeletonRows() {
  return Array.from({ length: SKELETONS }, (_, index) => (
    <tr key={index} role="row">
      <td role="cell" className="whole">
        <Skeleton height={20} />
      </td>
    </tr>
  ));
}

function SortHead(props: {
  text: string;
  by: DeviceSort;
  sort: DeviceSort;
  onSort: (sort: DeviceSort) => void;
}) {
  const isSorted = props.sort === props.by;
  return (
    <th
      role="columnheader"
      {...(isSorted ? { 'aria-sort': props.by === 'name' ? 'ascending' : 'descending' } : {})}
    >
      <UnstyledButton fz="sm" fw="inherit" onClick={() => props.onSort(props.by)}>
        {props.text}{' '}
        <Text span inherit c="dimmed" aria-hidden>
          {isSorted ? (props.by === 'name' ? '↑' : '↓') : '↕'}
        </Text>
      </UnstyledButton>
    </th>
  );
}

/** The router's links follow its state, each by itself; a row has a plain one, and the table follows what is clicked in it. */
function useDeviceLinks(project: string) {
  const router = useRouter();
  const targetOf = (event: MouseEvent) => {
    const device = (event.target as Element).closest<HTMLElement>('a[data-device]')?.dataset['device'];
    if (device === undefined) return undefined;
    return { to: '/p/$project/devices/$device', params: { project, device } } as const;
  };
  return {
    openDevice: (event: MouseEvent) => {
      const isForBrowser =
        event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
      const target = targetOf(event);
      if (target === undefined || isForBrowser) return;
      event.preventDefault();
      void router.navigate(target);
    },
    preloadDevice: (event: MouseEvent) => {
      const target = targetOf(event);
      if (target !== undefined) void router.preloadRoute(target);
    },
  };
}

/** What is cut off shows in a tooltip. It is set when somebody points at it: a title on every cell would be styled anew with every row. */
function showWhole({ target }: MouseEvent): void {
  const cell = (target as Element).closest('td');
  if (cell === null) return;
  const words = Array.from(cell.children, ({ textContent }) => textContent).join(', ');
  cell.title = cell.scrollWidth > cell.clientWidth ? words || cell.textContent : '';
}

interface RowProps {
  readonly device: DeviceRow;
  readonly project: string;
  readonly index: number;
  readonly isPassing: boolean;
  readonly action?: (device: DeviceRow) => ReactNode;
}

/**
 * Typing in the filter above draws no row again. Plain elements: a fling draws every row anew in a frame, and those of the
 * component library took ten times as long.
 */
const Row = memo(function Row(props: RowProps) {
  const { device, project } = props;
  const row = useRef<HTMLTableRowElement>(null);
  useLayoutEffect(
    () => () => {
      // Another device is written into it: who stood on this one stands nowhere, and presses no button of the other.
      const { activeElement } = document;
      if (activeElement instanceof HTMLElement && row.current?.contains(activeElement)) activeElement.blur();
    },
    [device.name],
  );
  return (
    <tr role="row" aria-rowindex={props.index + 2} ref={row}>
      <td role="cell">
        <a
          className="row-link"
          href={`/p/${project}/devices/${encodeURIComponent(device.name)}`}
          data-device={device.name}
        >
          {device.name}
        </a>
      </td>
      <Facts
        device={device}
        isPassing={props.isPassing}
        {...(props.action === undefined ? {} : { action: props.action })}
      />
    </tr>
  );
});

/** All but the name. Those of a row that passes stay what they were, and are hidden. */
const Facts = memo(
  function Facts({ device, action }: Pick<RowProps, 'device' | 'isPassing' | 'action'>) {
    const isOut = device.state === 'suspended' || device.state === 'retired';
    return (
      <>
        <td role="cell">
          <StateBadge state={isOut ? device.state : device.presence} />
        </td>
        <td role="cell">
          {device.activeRelease ??
            (device.activeDigest === null ? (
              '–'
            ) : (
              <span className="mono">{shortDigest(device.activeDigest)}</span>
            ))}
        </td>
        <td role="cell">{device.updateState === null ? '–' : <StateBadge state={device.updateState} />}</td>
        <td role="cell">{device.type}</td>
        <td role="cell">
          {device.tags.map((tag, place) => (
            <span key={place} className="tag">
              {tag}
            </span>
          ))}
        </td>
        <td role="cell">
          {action === undefined ? (
            <Moment at={device.lastContactAt} />
          ) : (
            <Group gap="xs" justify="space-between" wrap="nowrap">
              <Moment at={device.lastContactAt} />
              {action(device)}
            </Group>
          )}
        </td>
      </>
    );
  },
  (drawn, next) => next.isPassing || (drawn.device === next.device && drawn.action === next.action),
);
