/** A chart with what it shows to take away: its figures as CSV and its picture as PNG, in the colours it is seen in. */
import { ActionIcon, Menu } from '@mantine/core';
import { csvLine, type CsvCell } from '@tinyfleet/contracts';
import { useRef, type ReactNode } from 'react';
import { pictureOf, save, type Legend } from './picture';

export interface ChartTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly CsvCell[])[];
}

export function Exportable(props: {
  /** Of the file, without its ending. */
  name: string;
  title: string;
  /** What stands below the title of the picture, such as units. */
  about?: string;
  legend?: readonly Legend[];
  table: () => ChartTable;
  /** Words stand right above it: leaves room for the button. */
  isBelowText?: boolean;
  children: ReactNode;
}) {
  const { name, title, about, legend, table } = props;
  const box = useRef<HTMLDivElement>(null);
  const saveTable = () => {
    const { heads, rows } = table();
    const text = [heads, ...rows].map((row) => `${csvLine(row)}\r\n`).join('');
    save(new Blob([text], { type: 'text/csv' }), `${name}.csv`);
  };
  const savePicture = async () => {
    if (box.current === null) return;
    save(await pictureOf(box.current, { title, about, legend }), `${name}.png`);
  };
  return (
    <div className="exportable" ref={box} data-below={props.isBelowText === true ? true : undefined}>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            className="export"
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`Export ${title}`}
            title="Export"
          >
            ⤓
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={saveTable}>Figures (CSV)</Menu.Item>
          <Menu.Item onClick={() => void savePicture()}>Picture (PNG)</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {props.children}
    </div>
  );
}
