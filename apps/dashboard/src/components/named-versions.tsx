/** A list of what has versions: name, the newest, how many, since when. */
import { Table } from '@mantine/core';
import { Link, type LinkProps } from '@tanstack/react-router';
import { DataTable, SkeletonRows } from './data-table';
import { Moment } from './time';

interface Named {
  readonly name: string;
  readonly latestVersion: string | null;
  readonly versionCount: number;
  readonly createdAt: string;
}

const HEADS = ['Name', 'Newest', { text: 'Versions', align: 'right' as const }, 'Since'];

export function NamedVersions(props: {
  label: string;
  /** Undefined: on its way. */
  rows: readonly Named[] | undefined;
  linkOf: (name: string) => LinkProps;
}) {
  return (
    <DataTable label={props.label} minWidth={420} heads={HEADS}>
      {props.rows === undefined ? <SkeletonRows rows={3} columns={HEADS.length} /> : null}
      {props.rows?.map((row) => (
        <Table.Tr key={row.name}>
          <Table.Td>
            <Link className="row-link" {...props.linkOf(row.name)}>
              {row.name}
            </Link>
          </Table.Td>
          <Table.Td>{row.latestVersion ?? '–'}</Table.Td>
          <Table.Td ta="right">{row.versionCount}</Table.Td>
          <Table.Td>
            <Moment at={row.createdAt} />
          </Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  );
}
