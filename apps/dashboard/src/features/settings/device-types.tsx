/** Device types: the catalogue with the source of each figure, and the project's own ones. */
import { Badge, Button, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { Fragment, useState, type ReactNode } from 'react';
import { useApi } from '../../app/api';
import { formatBytes } from '../../app/format';
import { useMay } from '../../app/role';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Loaded, Section } from '../../components/page';
import { DeviceTypeForm } from './device-type-form';

type DeviceType = Resource<'DeviceType'>;
const COLUMNS = 8;

export function DeviceTypes({ project }: { project: string }) {
  const may = useMay(project);
  const [text, setText] = useState('');
  const [shown, setShown] = useState<string>();
  const types = useApi('deviceTypeList', { params: { project } });
  const wanted = text.trim().toLowerCase();
  return (
    <Section
      title="Device types"
      about="What a device has, and what its firmware leaves for a model"
      actions={
        <Group gap="sm">
          <TextInput
            size="xs"
            aria-label="Find a device type"
            placeholder="nano, m4, stm32"
            value={text}
            onChange={(e) => setText(e.currentTarget.value)}
          />
          {may('developer') ? <AddType project={project} types={types.data?.items ?? []} /> : null}
        </Group>
      }
    >
      <Loaded query={types} height={400}>
        {({ items }) => (
          <DataTable
            label="Device types"
            minWidth={780}
            heads={[
              'Name',
              'Core',
              { text: 'Clock', align: 'right' },
              { text: 'Flash', align: 'right' },
              { text: 'RAM', align: 'right' },
              { text: 'Model slot', align: 'right' },
              { text: 'Arena', align: 'right' },
              ACTIONS,
            ]}
          >
            {items
              .filter(({ name, title, core }) => `${name} ${title} ${core}`.toLowerCase().includes(wanted))
              .map((type) => (
                <Row
                  key={type.name}
                  project={project}
                  type={type}
                  isShown={shown === type.name}
                  onShow={() => setShown(shown === type.name ? undefined : type.name)}
                />
              ))}
          </DataTable>
        )}
      </Loaded>
    </Section>
  );
}

function Row(props: { project: string; type: DeviceType; isShown: boolean; onShow: () => void }) {
  const { type } = props;
  return (
    <Fragment>
      <Table.Tr>
        <Table.Td>
          <Group gap={6}>
            <Text size="sm" fw={500}>
              {type.name}
            </Text>
            {type.builtIn ? null : (
              <Badge size="sm" variant="light" tt="none">
                own
              </Badge>
            )}
          </Group>
          <Text size="xs" c="dimmed">
            {type.title}
          </Text>
        </Table.Td>
        <Table.Td>
          {type.core}
          <Text size="xs" c="dimmed">
            {(type.features ?? []).map((feature) => feature.toUpperCase()).join(' ')}
          </Text>
        </Table.Td>
        <Table.Td ta="right">{type.clockHz / 1e6} MHz</Table.Td>
        <Table.Td ta="right">{formatBytes(type.flashBytes)}</Table.Td>
        <Table.Td ta="right">{formatBytes(type.ramBytes)}</Table.Td>
        <Table.Td ta="right">{formatBytes(type.slotBytes)}</Table.Td>
        <Table.Td ta="right">{formatBytes(type.arenaBytes)}</Table.Td>
        <Table.Td ta="right">
          <Button
            size="compact-xs"
            variant="subtle"
            aria-expanded={props.isShown}
            aria-label={`${props.isShown ? 'Less' : 'All'} figures of ${type.name}`}
            onClick={props.onShow}
          >
            {props.isShown ? 'Less' : 'All'}
          </Button>
        </Table.Td>
      </Table.Tr>
      {props.isShown ? (
        <Table.Tr>
          <Table.Td colSpan={COLUMNS}>
            <Figures type={type} />
          </Table.Td>
        </Table.Tr>
      ) : null}
    </Fragment>
  );
}

function Figures({ type }: { type: DeviceType }) {
  const rows: readonly (readonly [string, ReactNode])[] = [
    ['Runtime ABI', type.abi],
    ['Bundles', type.profile === 'reduced' ? 'reduced: what the device reads, nothing for tools' : 'full'],
    ['State between windows', formatBytes(type.stateBytes)],
    ['Flash page', formatBytes(type.sectorBytes)],
    ['Program unit', `${type.programUnitBytes} B`],
    ['Source of the figures', <Source key="source" text={type.source} />],
  ];
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** As text: nothing is loaded from elsewhere, and an address of somebody's own making is not to be clicked. */
function Source({ text }: { text: string }) {
  return <span style={{ overflowWrap: 'anywhere' }}>{text === '' ? 'not given' : text}</span>;
}

function AddType({ project, types }: { project: string; types: readonly DeviceType[] }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button size="xs" onClick={open}>
        Add a type
      </Button>
      <Modal opened={opened} onClose={close} title="Add a device type" size="lg">
        <Stack>
          <DeviceTypeForm project={project} types={types} onDone={close} />
        </Stack>
      </Modal>
    </>
  );
}
