/** Does the build fit each device type, and what would an inference cost there? Estimates show their error. */
import { Badge, Table, Text } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { formatBytes, formatInteger, formatPercent } from '../../app/format';

type Fit = Resource<'DeviceFit'>;

export function FitTable({ items, basis }: { items: readonly Fit[]; basis: string }) {
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Fit by device type">
      <Table miw={720} verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Device type</Table.Th>
            <Table.Th>Core</Table.Th>
            <Table.Th ta="right">Slot</Table.Th>
            <Table.Th ta="right">Arena</Table.Th>
            <Table.Th>Fits</Table.Th>
            <Table.Th ta="right">Time</Table.Th>
            <Table.Th ta="right">Energy</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((fit) => (
            <Table.Tr key={fit.deviceType}>
              <Table.Td>
                {fit.title}
                {fit.advice.map((text) => (
                  <Text key={text} size="xs" c="dimmed">
                    {text}
                  </Text>
                ))}
              </Table.Td>
              <Table.Td>
                {fit.core}, {formatInteger(Math.round(fit.clockHz / 1_000_000))} MHz
              </Table.Td>
              <Table.Td ta="right" title={describe(fit.slot)}>
                {share(fit.slot)}
              </Table.Td>
              <Table.Td ta="right" title={describe(fit.arena)}>
                {share(fit.arena)}
              </Table.Td>
              <Table.Td>
                <Badge color={fit.fits ? 'teal' : 'red'} variant="light">
                  {fit.fits ? 'fits' : 'too large'}
                </Badge>
              </Table.Td>
              <Table.Td ta="right">{time(fit)}</Table.Td>
              <Table.Td ta="right">{energy(fit)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed" mt="xs">
        {basis}
      </Text>
    </div>
  );
}

function share({ requiredBytes, availableBytes }: Fit['slot']): string {
  return availableBytes === 0 ? '–' : formatPercent(requiredBytes / availableBytes);
}

function describe({ requiredBytes, availableBytes }: Fit['slot']): string {
  return `${formatBytes(requiredBytes)} of ${formatBytes(availableBytes)}`;
}

function time({ estimate }: Fit): string {
  if (estimate === null) return '–';
  const { milliseconds: ms, timeError } = estimate;
  return `≈ ${ms < 10 ? ms.toFixed(2) : formatInteger(Math.round(ms))} ms ± ${formatPercent(timeError)}`;
}

function energy({ estimate }: Fit): string {
  if (estimate === null || estimate.microjoules === null) return '–';
  const error = formatPercent(estimate.energyError ?? 0);
  return `≈ ${formatInteger(Math.round(estimate.microjoules))} µJ ± ${error}`;
}
