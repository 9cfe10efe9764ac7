/** Attributes of a device: what people want it to be beside what it says it is. */
import { Badge, Button, Group, Stack, Table, Text, TextInput, VisuallyHidden } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { Problem } from '../../components/page';
import { AttributeHistory } from './attribute-history';
import { attributeValue } from './attribute-value';

type Value = Resource<'AttributeValue'>;

export function Attributes({ project, device }: { project: string; device: Resource<'DeviceDetail'> }) {
  const { reported, desired } = device.attributes;
  const [key, setKey] = useState('');
  const [text, setText] = useState('');
  const change = useAction('deviceAttributes', () => {
    setKey('');
    setText('');
  });
  const set = (name: string, value: Value | null) =>
    change.mutate({
      params: { project, device: device.name },
      body: { desired: { [name]: value }, version: desired.version },
    });
  const keys = [...new Set([...Object.keys(reported.values), ...Object.keys(desired.values)])].sort();
  return (
    <Stack gap="sm">
      {keys.length === 0 ? (
        <Text size="sm" c="dimmed">
          None yet.
        </Text>
      ) : (
        <Table verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Attribute</Table.Th>
              <Table.Th>Reported</Table.Th>
              <Table.Th>Desired</Table.Th>
              <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {keys.map((name) => {
              const [is, wanted] = [reported.values[name], desired.values[name]];
              return (
                <Table.Tr key={name}>
                  <Table.Td className="mono">{name}</Table.Td>
                  <Table.Td>{is === undefined ? '–' : String(is)}</Table.Td>
                  <Table.Td>
                    {wanted === undefined ? '–' : String(wanted)}{' '}
                    {wanted !== undefined && is !== undefined && is !== wanted ? (
                      <Badge size="xs" color="orange" variant="light">
                        differs
                      </Badge>
                    ) : null}
                  </Table.Td>
                  <Table.Td ta="right">
                    {wanted === undefined ? null : (
                      <Button
                        size="compact-xs"
                        variant="subtle"
                        color="red"
                        aria-label={`Remove ${name}`}
                        onClick={() => set(name, null)}
                      >
                        Remove
                      </Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          set(key.trim(), attributeValue(text));
        }}
      >
        <Group gap="xs" align="flex-end">
          <TextInput
            size="xs"
            label="Attribute"
            classNames={{ input: 'mono' }}
            required
            maxLength={63}
            value={key}
            onChange={(e) => setKey(e.currentTarget.value)}
          />
          <TextInput
            size="xs"
            label="Desired value"
            required
            value={text}
            onChange={(e) => setText(e.currentTarget.value)}
          />
          <Button size="xs" variant="default" type="submit" loading={change.isPending}>
            Set
          </Button>
        </Group>
      </form>
      {change.error === null ? null : <Problem error={change.error} />}
      <AttributeHistory project={project} device={device.name} />
    </Stack>
  );
}
