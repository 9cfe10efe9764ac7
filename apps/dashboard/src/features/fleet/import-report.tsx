/** What came of an import: how many devices, or which rows are wrong and why. */
import { Alert, Anchor, Button, Group, Stack, Table, Text } from '@mantine/core';
import { plural, csvLine, routes, routeUrl, type Resource } from '@tinyfleet/contracts';
import { Fragment, useState } from 'react';
import { formatActor, formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Moment } from '../../components/time';

type Import = Resource<'DeviceImport'>;

export function ImportReport({ project, run }: { project: string; run: Import }) {
  if (run.errorCount > 0) return <RowErrors run={run} />;
  const would = run.dryRun ? 'would be ' : '';
  return (
    <Alert color="teal" variant="light" role="status">
      <Stack gap={6} align="flex-start">
        <Text size="sm">
          {plural(run.rows, 'row')}: {formatInteger(run.added)} {would}added, {formatInteger(run.updated)}{' '}
          {would}updated, {formatInteger(run.skipped)} left as they are.
        </Text>
        {run.tokensUntil === null ? null : (
          <Text size="sm" component="div">
            <Anchor
              size="sm"
              href={routeUrl(routes.deviceImportTokens, { project, import: run.id })}
              download
            >
              Tokens of the new devices (CSV)
            </Anchor>{' '}
            once, until <Moment at={run.tokensUntil} />
          </Text>
        )}
      </Stack>
    </Alert>
  );
}

function RowErrors({ run }: { run: Import }) {
  return (
    <Stack gap="xs">
      <Alert color="red" variant="light" role="alert">
        <Group justify="space-between" gap="xs">
          <Text size="sm">
            {plural(run.errorCount, 'error')} in {plural(run.rows, 'row')}; nothing was written.
            {run.errors.length < run.errorCount ? ` The first ${formatInteger(run.errors.length)}:` : ''}
          </Text>
          <Anchor size="sm" href={errorFile(run)} download={`errors-${run.id.slice(0, 8)}.csv`}>
            CSV
          </Anchor>
        </Group>
      </Alert>
      <div style={{ maxHeight: 360, overflowY: 'auto' }} tabIndex={0} role="region" aria-label="Wrong rows">
        <DataTable
          label="Errors by row"
          minWidth={480}
          heads={[
            { text: 'Line', align: 'right', width: 80 },
            { text: 'Column', width: 160 },
            'What is wrong',
          ]}
        >
          {run.errors.map((error, index) => (
            <Table.Tr key={index}>
              <Table.Td ta="right">{formatInteger(error.line)}</Table.Td>
              <Table.Td className="mono">{error.column ?? '–'}</Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{error.message}</Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      </div>
    </Stack>
  );
}

function errorFile(run: Import): string {
  const lines = [
    csvLine(['line', 'column', 'code', 'message']),
    ...run.errors.map((error) => csvLine([error.line, error.column, error.code, error.message])),
  ];
  return `data:text/csv;charset=utf-8,${encodeURIComponent(`${lines.join('\r\n')}\r\n`)}`;
}

const HEADS = ['When', 'Who', 'State', 'Rows', 'Added', 'Updated', 'Left', ACTIONS];

export function Imports(props: { project: string; rows: readonly Import[]; isLoading: boolean }) {
  const [openId, setOpenId] = useState<string>();
  if (!props.isLoading && props.rows.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None yet. The command line does the same: npx tinyfleet device import devices.csv
      </Text>
    );
  }
  return (
    <DataTable label="Imports so far" minWidth={760} heads={HEADS}>
      {props.isLoading ? <SkeletonRows rows={3} columns={HEADS.length} /> : null}
      {props.rows.map((run) => {
        const isOpen = openId === run.id;
        return (
          <Fragment key={run.id}>
            <Table.Tr>
              <Table.Td>
                <Moment at={run.createdAt} />
              </Table.Td>
              <Table.Td>{formatActor(run.createdBy)}</Table.Td>
              <Table.Td>
                <StateBadge state={run.state} />
              </Table.Td>
              <Table.Td>{formatInteger(run.rows)}</Table.Td>
              <Table.Td>{formatInteger(run.added)}</Table.Td>
              <Table.Td>{formatInteger(run.updated)}</Table.Td>
              <Table.Td>{formatInteger(run.skipped)}</Table.Td>
              <Table.Td ta="right">
                {run.errorCount === 0 && run.problem === null ? null : (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    aria-expanded={isOpen}
                    onClick={() => setOpenId(isOpen ? undefined : run.id)}
                  >
                    {run.problem === null ? plural(run.errorCount, 'error') : 'Why'}
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
            {isOpen ? (
              <Table.Tr>
                <Table.Td colSpan={HEADS.length}>
                  {run.problem === null ? (
                    <RowErrors run={run} />
                  ) : (
                    <Text size="sm">{run.problem.detail}</Text>
                  )}
                </Table.Td>
              </Table.Tr>
            ) : null}
          </Fragment>
        );
      })}
    </DataTable>
  );
}
