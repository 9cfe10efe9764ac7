/** Which gates, and how much worse is still good: one row each, with its default. */
import { Button, Checkbox, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { defaultGateKinds, gateDefaults, GateKind } from '@tinyfleet/contracts';
import { DataTable } from '../../../components/data-table';
import { useState } from 'react';
import { GATE_WORDS, unitWords } from '../gate-words';
import type { Draft } from './draft';
import type { FieldProps } from './policy-stage';

export function GatesField({ draft, onChange }: FieldProps) {
  const { gates } = draft;
  const [isOpen, setIsOpen] = useState(false);
  const some = Object.keys(gates).length > 0;
  const set = (next: typeof gates) => onChange({ ...draft, gates: next });
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => set(Object.fromEntries(defaultGateKinds.map((kind) => [kind, gates[kind] ?? ''])))}
        >
          The usual ones
        </Button>
        <Button size="compact-sm" variant="default" disabled={!some} onClick={() => set({})}>
          None
        </Button>
        <Button size="compact-sm" variant="default" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? 'Hide the list' : 'Choose, and set margins'}
        </Button>
      </Group>
      <Text size="sm" c={some ? undefined : 'dimmed'} aria-live="polite">
        {some
          ? `${GateKind.options
              .filter((kind) => gates[kind] !== undefined)
              .map((kind) => GATE_WORDS[kind].title)
              .join(', ')}. A good version is stopped in at most 5 of 100 rollouts.`
          : 'None: only failed installations can stop it.'}
      </Text>
      {isOpen ? <GateTable gates={gates} onSet={set} /> : null}
      {some ? (
        <TextInput
          label="Telemetry window while a gate is open"
          description="Both sides report so often; shorter decides sooner and costs battery"
          maw={320}
          value={draft.window}
          onChange={(e) => onChange({ ...draft, window: e.currentTarget.value })}
        />
      ) : null}
    </Stack>
  );
}

function GateTable(props: { gates: Draft['gates']; onSet: (gates: Draft['gates']) => void }) {
  const { gates, onSet } = props;
  const toggle = (kind: GateKind, isOn: boolean) => {
    const { [kind]: margin, ...rest } = gates;
    onSet(isOn ? { ...rest, [kind]: margin ?? '' } : rest);
  };
  return (
    <DataTable
      label="Gates"
      minWidth={640}
      heads={[
        'Gate',
        { text: 'Tolerated', width: 190 },
        'What more of it than the control has',
        { text: 'Can pass from', align: 'right', width: 130 },
      ]}
    >
      {GateKind.options.map((kind) => (
        <Table.Tr key={kind}>
          <Table.Td style={{ whiteSpace: 'nowrap' }}>
            <Checkbox
              label={GATE_WORDS[kind].title}
              checked={gates[kind] !== undefined}
              onChange={(e) => toggle(kind, e.currentTarget.checked)}
            />
          </Table.Td>
          <Table.Td>
            <Group gap={6} wrap="nowrap">
              <TextInput
                w={70}
                size="xs"
                inputMode="decimal"
                aria-label={`Margin of ${GATE_WORDS[kind].title}`}
                placeholder={String(gateDefaults[kind].margin)}
                disabled={gates[kind] === undefined}
                value={gates[kind] ?? ''}
                onChange={(e) => onSet({ ...gates, [kind]: e.currentTarget.value })}
              />
              <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
                {unitWords(gateDefaults[kind].unit)}
              </Text>
            </Group>
          </Table.Td>
          <Table.Td>
            <Text size="sm">{GATE_WORDS[kind].asks}</Text>
          </Table.Td>
          <Table.Td ta="right" c="dimmed" fz="xs" style={{ whiteSpace: 'nowrap' }}>
            {gateDefaults[kind].passFromDevices} devices
          </Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  );
}

type GateKind = (typeof GateKind.options)[number];
