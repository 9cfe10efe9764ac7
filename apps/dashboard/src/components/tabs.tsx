/** Tabs of a page whose choice stands in the address, so that each of them can be linked. */
import { Tabs } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';

export interface Tab {
  readonly id: string;
  readonly label: string;
  /** Such as how many wait. */
  readonly badge?: ReactNode;
  readonly panel: () => ReactNode;
}

export function PageTabs(props: { label: string; tabs: readonly Tab[]; chosen: string | undefined }) {
  const navigate = useNavigate();
  const [first] = props.tabs;
  const shown = props.tabs.find(({ id }) => id === props.chosen) ?? first;
  return (
    <Tabs
      value={shown?.id ?? null}
      keepMounted={false}
      onChange={(tab) =>
        void navigate({
          to: '.',
          search: tab === null || tab === first?.id ? {} : { tab },
          replace: true,
          resetScroll: false,
        })
      }
    >
      <Tabs.List aria-label={props.label} mb="md" className="tab-list">
        {props.tabs.map(({ id, label, badge }) => (
          <Tabs.Tab key={id} value={id} rightSection={badge}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {props.tabs.map(({ id, panel }) => (
        <Tabs.Panel key={id} value={id}>
          {panel()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
