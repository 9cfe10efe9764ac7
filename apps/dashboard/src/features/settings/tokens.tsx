/** API tokens of the person: what each may do, until when; a token is shown once. */
import {
  Button,
  Checkbox,
  Group,
  MultiSelect,
  NativeSelect,
  NumberInput,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
} from '@mantine/core';
import { AREAS, Role, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Empty, Loaded, Problem, Section } from '../../components/page';
import { MakerAndList, SecretDialog } from '../../components/secret';
import { Moment } from '../../components/time';

export function Tokens({ project }: { project: string }) {
  const tokens = useApi('tokenList');
  return (
    <MakerAndList maker={<MakeToken project={project} />}>
      <Loaded query={tokens} height={120}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty
              title="No API token yet"
              commands={['npx tinyfleet token create ci --role operator --expires 90d']}
              about="Scripts and the command line sign in with a token. It can be for one project, read only, for parts of the API, and it can end by itself."
            />
          ) : (
            <Section
              title="My API tokens"
              about="For the command line and scripts; never more than you may do yourself"
            >
              <DataTable
                label="My API tokens"
                minWidth={760}
                heads={['Name', 'May', 'For', 'Made', 'Used', 'Ends', ACTIONS]}
              >
                {items.map((token) => (
                  <Row key={token.name} token={token} />
                ))}
              </DataTable>
            </Section>
          )
        }
      </Loaded>
    </MakerAndList>
  );
}

function Row({ token }: { token: Resource<'ApiToken'> }) {
  const revoke = useAction('tokenDelete');
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500}>
          {token.name}
        </Text>
        <Text size="xs" c="dimmed" className="mono">
          {token.prefix}…
        </Text>
      </Table.Td>
      <Table.Td>
        {token.role}
        {token.readOnly ? ', read only' : ''}
      </Table.Td>
      <Table.Td>
        {token.project ?? 'all my projects'}
        {token.areas === null ? null : (
          <Text size="xs" c="dimmed">
            {token.areas.join(', ')}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Moment at={token.createdAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={token.lastUsedAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={token.expiresAt} />
      </Table.Td>
      <Table.Td ta="right">
        <Confirm
          verb="Revoke"
          subject={`token ${token.name}`}
          title={`Revoke the token “${token.name}”?`}
          run={() => revoke.mutateAsync({ params: { name: token.name } })}
        >
          Whatever uses it is refused from now on.
        </Confirm>
      </Table.Td>
    </Table.Tr>
  );
}

function MakeToken({ project }: { project: string }) {
  return (
    <SecretDialog<Resource<'ApiTokenCreated'>>
      button={(open) => (
        <Button size="xs" onClick={open}>
          Make a token
        </Button>
      )}
      title={(made) => (made === undefined ? 'Make an API token' : `The token “${made.name}”`)}
      form={(onMade) => <Form project={project} onMade={onMade} />}
      secret={({ token }) => ({ lines: [{ name: 'Authorization: Bearer …', text: token }] })}
    />
  );
}

function Form(props: { project: string; onMade: (made: Resource<'ApiTokenCreated'>) => void }) {
  const { project } = props;
  const create = useAction('tokenCreate', props.onMade);
  const me = useApi('me');
  const [name, setName] = useState('');
  const [only, setOnly] = useState<string | null>(project);
  const [role, setRole] = useState<Resource<'Role'>>('operator');
  const [areas, setAreas] = useState<string[]>([]);
  const [readOnly, setReadOnly] = useState(false);
  const [days, setDays] = useState<number | string>(90);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({
          body: {
            name: name.trim(),
            project: only,
            role,
            readOnly,
            areas: areas.length === 0 ? null : areas,
            expiresInDays: days === '' ? null : Number(days),
          },
        });
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Name"
          placeholder="ci"
          required
          maxLength={63}
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          data-autofocus
        />
        <Group grow align="flex-start">
          <Select
            label="Project"
            placeholder="all my projects"
            clearable
            data={me.data?.projects.map((one) => one.name) ?? [project]}
            value={only}
            onChange={setOnly}
          />
          <NativeSelect
            label="May do as much as"
            data={Role.options}
            value={role}
            onChange={(e) => setRole(Role.parse(e.currentTarget.value))}
          />
        </Group>
        <MultiSelect
          label="Parts of the API"
          placeholder={areas.length === 0 ? 'all' : ''}
          searchable
          clearable
          data={[...AREAS]}
          value={areas}
          onChange={setAreas}
        />
        <NumberInput
          label="Ends after"
          description="Days; empty: when it is revoked"
          min={1}
          max={3_650}
          allowDecimal={false}
          suffix=" d"
          value={days}
          onChange={setDays}
        />
        <Checkbox
          label="Read only"
          checked={readOnly}
          onChange={(e) => setReadOnly(e.currentTarget.checked)}
        />
        {create.error === null ? null : <Problem error={create.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending} disabled={name.trim() === ''}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
