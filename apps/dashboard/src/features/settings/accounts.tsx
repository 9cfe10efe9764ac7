/** Accounts of the whole instance, for its administrators: who may do everything, who is kept out, links to get in. */
import { Badge, Button, Checkbox, Group, Menu, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue, useDisclosure } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi, useApiList } from '../../app/api';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Loaded, More, Problem, Section } from '../../components/page';
import { SecretDialog, type ShownOnce } from '../../components/secret';
import { Moment } from '../../components/time';

type Person = Resource<'Person'>;
const HEADS = ['Who', 'Projects', 'Signs in by', 'Last login', 'Since', ACTIONS];

export function Accounts() {
  const me = useApi('me');
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text.trim(), 250);
  const list = useApiList('personList', { query: { limit: 50, ...(wanted === '' ? {} : { text: wanted }) } });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Stack gap="lg">
      <Section
        title="Accounts"
        about="Everybody of this instance; its administrators may do everything in every project"
        actions={
          <Group gap="xs">
            <TextInput
              size="xs"
              aria-label="Find an account"
              placeholder="name or address"
              maxLength={100}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <Invite />
          </Group>
        }
      >
        {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
        <DataTable label="Accounts" minWidth={860} heads={HEADS}>
          {list.data === undefined ? <SkeletonRows rows={3} columns={HEADS.length} /> : null}
          {rows.map((person) => (
            <Row key={person.email} person={person} isMe={person.email === me.data?.email} />
          ))}
        </DataTable>
        {list.data !== undefined && rows.length === 0 ? (
          <Text size="sm" c="dimmed" ta="center" py="md">
            Nobody has “{wanted}” in the name or address.
          </Text>
        ) : null}
        <More
          hasNextPage={list.hasNextPage}
          isFetching={list.isFetchingNextPage}
          onMore={() => void list.fetchNextPage()}
        />
      </Section>
      <OpenInvitations />
    </Stack>
  );
}

function Row({ person, isMe }: { person: Person; isMe: boolean }) {
  const ways = [...(person.hasPassword ? ['password'] : []), ...person.providers];
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap={6}>
          <Text size="sm" fw={500} component="span">
            {person.email}
          </Text>
          {person.isAdmin ? (
            <Badge size="sm" variant="light" tt="none">
              administrator
            </Badge>
          ) : null}
          {isMe ? (
            <Badge size="sm" variant="light" color="gray" tt="none">
              you
            </Badge>
          ) : null}
          {person.disabledAt === null ? null : (
            <Badge size="sm" variant="light" color="orange" tt="none">
              disabled
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {person.name}
        </Text>
      </Table.Td>
      <Table.Td>
        {person.projects.map(({ name, role }) => `${name} (${role})`).join(', ') ||
          (person.isAdmin ? 'all' : 'none')}
      </Table.Td>
      <Table.Td>{ways.join(', ') || 'nothing yet'}</Table.Td>
      <Table.Td>
        <Moment at={person.lastLoginAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={person.createdAt} />
      </Table.Td>
      <Table.Td ta="right">{isMe ? null : <Actions person={person} />}</Table.Td>
    </Table.Tr>
  );
}

type Change = 'disable' | 'enable' | 'make' | 'unmake';

const WORDS: Readonly<
  Record<Change, { verb: string; text: string; body: Resource<'PersonPatch'>; hurts: boolean }>
> = {
  disable: {
    verb: 'Disable',
    text: 'Sessions and tokens end at once and signing in is refused until you enable the account again.',
    body: { disabled: true },
    hurts: true,
  },
  enable: {
    verb: 'Enable',
    text: 'Signing in works again. Tokens that ended do not come back.',
    body: { disabled: false },
    hurts: false,
  },
  make: {
    verb: 'Make an administrator',
    text: 'May do everything in every project of this instance, and manage accounts.',
    body: { isAdmin: true },
    hurts: true,
  },
  unmake: {
    verb: 'No administrator any more',
    text: 'Keeps the roles in projects and loses the rest.',
    body: { isAdmin: false },
    hurts: true,
  },
};

function Actions({ person }: { person: Person }) {
  const [asked, setAsked] = useState<Change>();
  const change = useAction('personUpdate', () => setAsked(undefined));
  const leave = () => {
    change.reset();
    setAsked(undefined);
  };
  const words = asked === undefined ? undefined : WORDS[asked];
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      <ResetLink email={person.email} />
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="compact-xs" variant="default" aria-label={`Actions for ${person.email}`}>
            Actions ▾
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked(person.isAdmin ? 'unmake' : 'make')}>
            {WORDS[person.isAdmin ? 'unmake' : 'make'].verb}
          </Menu.Item>
          {person.disabledAt === null ? (
            <Menu.Item color="red" onClick={() => setAsked('disable')}>
              Disable
            </Menu.Item>
          ) : (
            <Menu.Item onClick={() => setAsked('enable')}>Enable</Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={words !== undefined} onClose={leave} title={person.email} centered>
        {words === undefined ? null : (
          <Stack>
            <Text size="sm">{words.text}</Text>
            {change.error === null ? null : <Problem error={change.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={leave}>
                Cancel
              </Button>
              <Button
                color={words.hurts ? 'red' : undefined}
                loading={change.isPending}
                onClick={() => change.mutate({ params: { email: person.email }, body: words.body })}
              >
                {words.verb}
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </Group>
  );
}

const linkOf = ({ email, path }: { email: string; path: string }): ShownOnce => ({
  lines: [{ name: `For ${email}`, text: `${location.origin}${path}` }],
  about: 'Send it yourself; it works once.',
});

function ResetLink({ email }: { email: string }) {
  return (
    <SecretDialog<Resource<'OneTimeLink'>>
      button={(open) => (
        <Button size="compact-xs" variant="subtle" aria-label={`Password link for ${email}`} onClick={open}>
          Password link
        </Button>
      )}
      title={() => `A password link for ${email}`}
      form={(onMade, leave) => <ResetForm email={email} onMade={onMade} onLeave={leave} />}
      secret={linkOf}
    />
  );
}

function ResetForm(props: {
  email: string;
  onMade: (made: Resource<'OneTimeLink'>) => void;
  onLeave: () => void;
}) {
  const reset = useAction('personReset', props.onMade);
  return (
    <Stack>
      <Text size="sm">
        Whoever opens the link sets a new password; all sessions of the account end then. Links before it end
        now.
      </Text>
      {reset.error === null ? null : <Problem error={reset.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={props.onLeave}>
          Cancel
        </Button>
        <Button loading={reset.isPending} onClick={() => reset.mutate({ params: { email: props.email } })}>
          Make the link
        </Button>
      </Group>
    </Stack>
  );
}

function Invite() {
  return (
    <SecretDialog<Resource<'InvitationCreated'>>
      button={(open) => (
        <Button size="xs" onClick={open}>
          Invite
        </Button>
      )}
      title={(made) => (made === undefined ? 'Invite to this instance' : 'The invitation')}
      form={(onMade) => <InviteForm onMade={onMade} />}
      secret={linkOf}
    />
  );
}

function InviteForm({ onMade }: { onMade: (made: Resource<'InvitationCreated'>) => void }) {
  const [email, setEmail] = useState('');
  const [isAdmin, { toggle }] = useDisclosure(false);
  const invite = useAction('instanceInvitationCreate', onMade);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        invite.mutate({ body: { email, isAdmin } });
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Email"
          description="The link works once and for three days"
          type="email"
          required
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          data-autofocus
        />
        <Checkbox
          label="As administrator of the instance"
          description="Otherwise an account without a project; roles are given on the page People"
          checked={isAdmin}
          onChange={toggle}
        />
        {invite.error === null ? null : <Problem error={invite.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={invite.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function OpenInvitations() {
  const open = useApi('instanceInvitationList');
  const revoke = useAction('instanceInvitationDelete');
  return (
    <Loaded query={open} height={90}>
      {({ items }) =>
        items.length === 0 ? null : (
          <Section title="Open invitations without a project">
            <DataTable label="Open invitations" minWidth={560} heads={['For', 'As', 'By', 'Ends', ACTIONS]}>
              {items.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td>{one.email}</Table.Td>
                  <Table.Td>{one.isAdmin ? 'administrator' : 'account'}</Table.Td>
                  <Table.Td>{one.createdBy}</Table.Td>
                  <Table.Td>
                    <Moment at={one.expiresAt} />
                  </Table.Td>
                  <Table.Td ta="right">
                    <Confirm
                      verb="Revoke"
                      subject={`invitation of ${one.email}`}
                      title={`Revoke the invitation of ${one.email}?`}
                      run={() => revoke.mutateAsync({ params: { id: one.id } })}
                    >
                      Its link ends.
                    </Confirm>
                  </Table.Td>
                </Table.Tr>
              ))}
            </DataTable>
          </Section>
        )
      }
    </Loaded>
  );
}
