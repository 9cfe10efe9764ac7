/** Project settings: keys that devices trust, API tokens, device types. */
import { Button, Code, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatBytes } from '../../app/format';
import { Command, Loaded, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

export function SettingsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const keys = useApi('signingKeyList', { params: { project } });
  const types = useApi('deviceTypeList', { params: { project } });
  return (
    <Page title="Settings">
      <Section
        title="Signing key"
        about="Devices install only what this key signed; its private half stays encrypted on the server"
      >
        <Loaded query={keys} height={60}>
          {(data) => (
            <Stack gap="xs">
              {data.items.map((key) => (
                <Text key={key.keyId} size="sm">
                  {key.algorithm} <Code>{key.publicKeyHex}</Code>
                </Text>
              ))}
            </Stack>
          )}
        </Loaded>
      </Section>
      <Tokens />
      <Section title="Device types">
        <Loaded query={types}>
          {(data) => (
            <div className="scroll-x" tabIndex={0} role="region" aria-label="Device types">
              <Table miw={640} verticalSpacing={4}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Name</Table.Th>
                    <Table.Th>Core</Table.Th>
                    <Table.Th ta="right">Clock</Table.Th>
                    <Table.Th ta="right">Slot</Table.Th>
                    <Table.Th ta="right">Arena</Table.Th>
                    <Table.Th>ABI</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.items.map((type) => (
                    <Table.Tr key={type.name}>
                      <Table.Td>
                        {type.name}
                        <Text size="xs" c="dimmed">
                          {type.title}
                        </Text>
                      </Table.Td>
                      <Table.Td>{type.core}</Table.Td>
                      <Table.Td ta="right">{type.clockHz / 1e6} MHz</Table.Td>
                      <Table.Td ta="right">{formatBytes(type.slotBytes)}</Table.Td>
                      <Table.Td ta="right">{formatBytes(type.arenaBytes)}</Table.Td>
                      <Table.Td>{type.abi}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )}
        </Loaded>
      </Section>
    </Page>
  );
}

function Tokens() {
  const tokens = useApi('tokenList');
  const [name, setName] = useState('');
  const create = useAction('tokenCreate', () => setName(''));
  const revoke = useAction('tokenDelete');
  return (
    <Section title="API tokens" about="For the CLI and scripts; a token is shown once">
      <Stack gap="sm">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            create.mutate({ body: { name } });
          }}
        >
          <Group align="flex-end" gap="sm">
            <TextInput
              label="Name"
              placeholder="ci"
              required
              value={name}
              onChange={(e) => setName(e.currentTarget.value)}
            />
            <Button type="submit" variant="default" loading={create.isPending}>
              Make a token
            </Button>
          </Group>
        </form>
        {create.error === null ? null : <Problem error={create.error} />}
        {create.data === undefined ? null : <Command text={create.data.token} />}
        <Loaded query={tokens} height={60}>
          {(data) => (
            <Table verticalSpacing={4}>
              <Table.Tbody>
                {data.items.map((token) => (
                  <Table.Tr key={token.name}>
                    <Table.Td>{token.name}</Table.Td>
                    <Table.Td className="mono">{token.prefix}…</Table.Td>
                    <Table.Td>
                      used <Moment at={token.lastUsedAt} />
                    </Table.Td>
                    <Table.Td ta="right">
                      <Button
                        size="compact-xs"
                        variant="subtle"
                        color="red"
                        onClick={() => revoke.mutate({ params: { name: token.name } })}
                      >
                        Revoke
                      </Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
        </Loaded>
      </Stack>
    </Section>
  );
}
