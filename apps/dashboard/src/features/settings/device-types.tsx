/** Device types: the catalogue with the source of each figure, and the project's own ones. */
import { Badge, Button, Group, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { DeviceTypeFigure, plural, type Resource } from '@tinyfleet/contracts';
import { Fragment, useState, type ReactNode } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatBytes } from '../../app/format';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
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
                  types={items}
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

function Row(props: {
  project: string;
  type: DeviceType;
  types: readonly DeviceType[];
  isShown: boolean;
  onShow: () => void;
}) {
  const { project, type } = props;
  const may = useMay(project);
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
        <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
          {!type.builtIn && may('developer') ? (
            <>
              <EditType project={project} type={type} types={props.types} />
              <RemoveType project={project} type={type} />
            </>
          ) : null}
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

const FIGURES: Readonly<Record<Resource<'DeviceTypeFigure'>, string>> = {
  core: 'Core',
  clockHz: 'Clock',
  flashBytes: 'Flash',
  ramBytes: 'RAM',
  sectorBytes: 'Flash page',
  programUnitBytes: 'Program unit',
  features: 'Computes with',
  slotBytes: 'Model slot',
  arenaBytes: 'Arena',
  stateBytes: 'State',
};

function Figures({ type }: { type: DeviceType }) {
  const ops = Object.keys(type.ops);
  const rows: readonly (readonly [string, ReactNode])[] = [
    ['Runtime ABI', type.abi],
    [
      'Ops',
      <span key="ops" title={ops.join(', ')}>
        {plural(ops.length, 'op')}
      </span>,
    ],
    ['Bundles', type.profile === 'reduced' ? 'reduced: what the device reads, nothing for tools' : 'full'],
    ['State between windows', formatBytes(type.stateBytes)],
    ['Flash page', formatBytes(type.sectorBytes)],
    ['Program unit', `${type.programUnitBytes} B`],
    ['Source of the figures', <Source key="source" text={type.source} />],
  ];
  const sources = DeviceTypeFigure.options.flatMap((figure) => {
    const source = type.sources?.[figure];
    return source === undefined ? [] : [{ figure, ...source }];
  });
  return (
    <>
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {sources.length === 0 ? null : (
        <dl className="facts">
          {sources.map(({ figure, from, checked }) => (
            <div key={figure}>
              <dt>{FIGURES[figure]} is from</dt>
              <dd>
                <Source text={from} /> {checked ? '' : '(not looked up since)'}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

/** As text: nothing is loaded from elsewhere, and an address of somebody's own making is not to be clicked. */
function Source({ text }: { text: string }) {
  return <span style={{ overflowWrap: 'anywhere' }}>{text === '' ? 'not given' : text}</span>;
}

function EditType(props: { project: string; type: DeviceType; types: readonly DeviceType[] }) {
  const [opened, { open, close }] = useDisclosure();
  const { name } = props.type;
  return (
    <>
      <Button size="compact-xs" variant="subtle" aria-label={`Edit ${name}`} onClick={open}>
        Edit
      </Button>
      <Modal opened={opened} onClose={close} title={`Edit ${name}`} size="lg">
        <DeviceTypeForm {...props} onDone={close} />
      </Modal>
    </>
  );
}

function RemoveType({ project, type }: { project: string; type: DeviceType }) {
  const remove = useAction('deviceTypeDelete');
  return (
    <Confirm
      verb="Remove"
      subject={type.name}
      title={`Remove the device type “${type.name}”?`}
      run={() =>
        remove.mutateAsync({
          params: { project, deviceType: type.name },
          headers: { 'if-match': `"${type.revision}"` },
        })
      }
    >
      It is refused while a device, a build or a key still uses it.
    </Confirm>
  );
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
