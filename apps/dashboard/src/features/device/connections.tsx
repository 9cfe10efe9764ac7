/** When a device was connected: a bar of the last days, and in words how long and how often. */
import { Group, Table, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatDuration, formatPercent } from '../../app/format';
import { dataColor } from '../../app/theme';
import { DataTable } from '../../components/data-table';
import { Exportable } from '../../components/exportable';
import { Loaded, Section } from '../../components/page';
import { connectionFacts } from './connection-facts';
import { RangeChoice, useDays } from './range-choice';

type Found = Resource<'DeviceConnections'>;

const [BAR, AXIS] = [34, 20];
const DAY_MS = 86_400_000;
/** Of the table, the newest first. */
const ROWS = 20;
const [CONNECTED, OUTAGE] = [dataColor(0), dataColor(5)];
const AWAY = 'var(--mantine-color-default-border)';

export function Connections({ project, device }: { project: string; device: string }) {
  const query = useApi('deviceConnections', {
    params: { project, device },
    query: { days: useDays() },
  });
  return (
    <Section
      id="connections"
      title="Connection"
      about="From connections as they began and ended, kept for 14 days"
      actions={<RangeChoice label="Days of connections" />}
    >
      <Loaded query={query} height={96}>
        {(data) => <Timeline found={data} />}
      </Loaded>
    </Section>
  );
}

function Timeline({ found }: { found: Found }) {
  const { device, connections, outages } = found;
  return (
    <>
      <Text size="sm">{wordsOf(found)}</Text>
      <Exportable
        name={`connections-${device}`}
        title={`Connections of ${device}`}
        about={`${new Date(found.from).toLocaleString()} to ${new Date(found.to).toLocaleString()}`}
        legend={[
          { label: 'connected', color: CONNECTED },
          { label: 'this server did not run', color: OUTAGE },
        ]}
        isBelowText
        table={() => ({
          heads: ['state', 'from', 'to'],
          rows: [
            ...connections.map(({ from, to }) => ['connected', from, to]),
            ...outages.map(({ from, to }) => ['this server did not run', from, to]),
          ],
        })}
      >
        <Bar found={found} />
      </Exportable>
      <Group gap="md" mt={4}>
        <Key color={CONNECTED} text="connected" />
        <Key color={AWAY} text="not connected" />
        {found.recordedFrom === found.from ? null : <Text size="xs">empty: nothing on record</Text>}
        {outages.length === 0 ? null : <Key color={OUTAGE} text="this server did not run" />}
      </Group>
      <Rows found={found} />
    </>
  );
}

function wordsOf(found: Found): string {
  const { from, to, isConnected, recordedFrom } = found;
  if (recordedFrom === null) return 'No connection is on record.';
  const { share, count, longestGapMs } = connectionFacts(found);
  const isYounger = Date.parse(recordedFrom) > Date.parse(from);
  const span = formatDuration(Date.parse(to) - Date.parse(recordedFrom));
  const since = isYounger ? `${span} since it was first seen in this range` : `last ${span}`;
  const gap =
    longestGapMs === 0
      ? ''
      : `; the longest time away ${isConnected ? 'was' : 'until now was'} ${formatDuration(longestGapMs)}`;
  return `Connected ${formatPercent(share)} of the ${since}, in ${plural(count, 'connection')}${gap}.`;
}

function Bar({ found }: { found: Found }) {
  const { ref, width } = useElementSize();
  const [begin, end] = [Date.parse(found.from), Date.parse(found.to)];
  const x = (at: string | number) =>
    ((typeof at === 'string' ? Date.parse(at) : at) - begin) * (width / (end - begin));
  const ticks = ticksOf(begin, end);
  const every = Math.max(1, Math.ceil((ticks.length * 64) / Math.max(1, width)));
  return (
    <div ref={ref} style={{ minHeight: BAR + AXIS }}>
      {width === 0 ? null : (
        <svg width={width} height={BAR + AXIS} role="img" aria-label={wordsOf(found)} fontSize={11.5}>
          <rect
            x={x(found.recordedFrom ?? found.to)}
            width={Math.max(0, width - x(found.recordedFrom ?? found.to))}
            height={BAR}
            fill={AWAY}
          />
          <line x1={0} x2={width} y1={BAR - 0.5} y2={BAR - 0.5} stroke={AWAY} strokeDasharray="3 3" />
          {found.connections.map(({ from, to }) => (
            <rect
              key={from}
              x={x(from)}
              width={Math.max(1, x(to) - x(from))}
              y={0}
              height={BAR}
              fill={CONNECTED}
            >
              <title>{`connected ${spanText(from, to)}`}</title>
            </rect>
          ))}
          {found.outages.map(({ from, to }) => (
            <rect
              key={from}
              x={x(from)}
              width={Math.max(1.5, x(to) - x(from))}
              y={BAR / 2}
              height={BAR / 2}
              fill={OUTAGE}
            >
              <title>{`this server did not run ${spanText(from, to)}`}</title>
            </rect>
          ))}
          {ticks.map((at, i) =>
            i % every === 0 ? (
              <text
                key={at}
                x={x(at)}
                y={BAR + 15}
                textAnchor={i === 0 ? 'start' : 'middle'}
                fill="currentColor"
                opacity={0.75}
              >
                {tickText(at, end - begin)}
              </text>
            ) : null,
          )}
        </svg>
      )}
    </div>
  );
}

const spanText = (from: string, to: string): string =>
  `${new Date(from).toLocaleString()} to ${new Date(to).toLocaleString()}, ${formatDuration(Date.parse(to) - Date.parse(from))}`;

/** Local midnights, or every third hour of a day: by the calendar, for days have 23 to 25 hours. */
function ticksOf(begin: number, end: number): number[] {
  const isDays = end - begin > DAY_MS;
  const at = new Date(begin);
  at.setHours(0, 0, 0, 0);
  const ticks: number[] = [];
  while (at.getTime() < end) {
    if (at.getTime() >= begin) ticks.push(at.getTime());
    if (isDays) at.setDate(at.getDate() + 1);
    else at.setHours(at.getHours() + 3);
  }
  return ticks;
}

const tickText = (at: number, rangeMs: number): string =>
  rangeMs > DAY_MS
    ? new Date(at).toLocaleDateString(undefined, { month: 'numeric', day: 'numeric' })
    : new Date(at).toLocaleTimeString(undefined, { hour: 'numeric', minute: '2-digit' });

function Rows({ found: { connections, isConnected } }: { found: Found }) {
  if (connections.length === 0) return null;
  const newest = connections.slice(-ROWS).reverse();
  return (
    <details>
      <summary className="quiet-summary">
        {newest.length === connections.length ? 'Connections' : `The newest ${ROWS} connections`}
      </summary>
      <DataTable label="Connections" heads={['From', 'To', { text: 'Length', align: 'right' }]}>
        {newest.map(({ from, to }, i) => (
          <Table.Tr key={from}>
            <Table.Td>{new Date(from).toLocaleString()}</Table.Td>
            <Table.Td>{i === 0 && isConnected ? 'now' : new Date(to).toLocaleString()}</Table.Td>
            <Table.Td ta="right">{formatDuration(Date.parse(to) - Date.parse(from))}</Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </details>
  );
}

function Key({ color, text }: { color: string; text: string }) {
  return (
    <Group gap={6}>
      <span aria-hidden style={{ width: 12, height: 12, borderRadius: 3, background: color }} />
      <Text size="xs">{text}</Text>
    </Group>
  );
}
