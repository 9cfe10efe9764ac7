/** A table that scrolls sideways by itself when it is wider than the screen, by keyboard too. */
import { Skeleton, Table, VisuallyHidden } from '@mantine/core';
import type { ReactNode } from 'react';

export interface Head {
  readonly text: string;
  readonly align?: 'right';
  readonly width?: number | string;
  /** Its text is for screen readers only, as above buttons. */
  readonly isHidden?: boolean;
}

export function DataTable(props: {
  label: string;
  heads: readonly (string | Head)[];
  /** Pixels below which it scrolls. */
  minWidth?: number;
  children: ReactNode;
}) {
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={`${props.label}, table`}>
      <Table verticalSpacing={6} miw={props.minWidth ?? 640}>
        <Table.Thead>
          <Table.Tr>
            {props.heads.map((given) => {
              const head: Head = typeof given === 'string' ? { text: given } : given;
              return (
                <Table.Th key={head.text} ta={head.align} w={head.width}>
                  {head.isHidden === true ? <VisuallyHidden>{head.text}</VisuallyHidden> : head.text}
                </Table.Th>
              );
            })}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{props.children}</Table.Tbody>
      </Table>
    </div>
  );
}

/** The column of buttons at the end of a row. */
export const ACTIONS: Head = { text: 'Actions', isHidden: true, align: 'right' };

/** Rows as high as those that are on their way. */
export function SkeletonRows({ rows, columns }: { rows: number; columns: number }) {
  return Array.from({ length: rows }, (_, index) => (
    <Table.Tr key={index}>
      <Table.Td colSpan={columns}>
        <Skeleton height={20} />
      </Table.Td>
    </Table.Tr>
  ));
}
