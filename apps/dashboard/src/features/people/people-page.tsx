/** Members of the project, their roles, and invitations that nobody has accepted yet. */
import { Button, Group, NativeSelect, Stack, Table, Text, TextInput, VisuallyHidden } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { Role, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi, useApiList } from '../../app/api';
import { Confirm } from '../../components/confirm';
import { Command, More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

const ROLES: Readonly<Record<Resource<'Role'>, string>> = {
  viewer: 'sees everything',
  operator: 'registers devices, rolls out',
  developer: 'imports models, builds, signs',
  admin: 'people, keys, the project itself',
};

export function PeoplePage() {
  const { project } = useParams({ from: '/p/$project' });
  const me = useApi('me');
  const isAdmin =
    me.data?.isAdmin === true ||
    me.data?.projects.some((one) => one.name === project && one.role === 'admin') === true;
  return (
    <Page title="People" about="Who may see and change this project.">
      {isAdmin ? <Invite project={project} /> : null}
      <Members project={project} isAdmin={isAdmin} myEmail={me.data?.email} />
      {isAdmin ? <Invitations project={project} /> : null}
    </Page>
  );
}

function RoleSelect(props: {
  label?: string;
  name: string;
  value: Resource<'Role'>;
  disabled?: boolean;
  onChange: (role: Resource<'Role'>) => void;
}) {
  return (
    <NativeSelect
      size="xs"
      {...(props.label === undefined ? {} : { label: props.label })}
      aria-label={props.name}
      data={Role.options.map((role) => ({ value: role, label: `${role}: ${ROLES[role]}` }))}
      value={props.value}
      disabled={props.disabled ?? false}
      onChange={(event) => props.onChange(Role.parse(event.currentTarget.value))}
    />
  );
}

function Invite({ project }: { project: string }) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Resource<'Role'>>('viewer');
  const invite = useAction('invitationCreate', () => setEmail(''));
  return (
    <Section
      title="Invite"
      about="The link is shown once; send it to them yourself. It works once and for three days"
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          invite.mutate({ params: { project }, body: { email, role } });
        }}
      >
        <Group align="flex-end" gap="sm">
          <TextInput
            size="xs"
            label="Email"
            type="email"
            required
            value={email}
            onChange={(e) => setEmail(e.currentTarget.value)}
          />
          <RoleSelect label="Role" name="Role of the invitation" value={role} onChange={setRole} />
          <Button size="xs" type="submit" loading={invite.isPending}>
            Make a link
          </Button>
        </Group>
      </form>
      {invite.error === null ? null : <Problem error={invite.error} />}
      {invite.data === undefined ? null : (
        <Stack gap={6} mt="sm">
          <Text size="sm">For {invite.data.email}:</Text>
          <Command text={`${location.origin}${invite.data.path}`} />
        </Stack>
      )}
    </Section>
  );
}

function Members(props: { project: string; isAdmin: boolean; myEmail: string | undefined }) {
  const { project } = props;
  const members = useApiList('memberList', { params: { project }, query: { limit: 50 } });
  const put = useAction('memberPut');
  const remove = useAction('memberDelete');
  const rows = members.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title="Members">
      {members.error === null ? null : <Problem error={members.error} />}
      {put.error === null ? null : <Problem error={put.error} />}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Members, table">
        <Table verticalSpacing={4} miw={640}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Email</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th>Last login</Table.Th>
              <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((member) => (
              <Table.Tr key={member.email}>
                <Table.Td>{member.email}</Table.Td>
                <Table.Td>
                  {member.name}
                  {member.disabled ? ' (disabled)' : ''}
                  {member.isAdmin ? ' (administrator of the instance)' : ''}
                </Table.Td>
                <Table.Td>
                  {props.isAdmin && member.isMember ? (
                    <RoleSelect
                      name={`Role of ${member.email}`}
                      value={member.role}
                      disabled={put.isPending}
                      onChange={(role) =>
                        put.mutate({ params: { project, email: member.email }, body: { role } })
                      }
                    />
                  ) : (
                    member.role
                  )}
                </Table.Td>
                <Table.Td>
                  <Moment at={member.lastLoginAt} />
                </Table.Td>
                <Table.Td ta="right">
                  {member.isMember && (props.isAdmin || member.email === props.myEmail) ? (
                    <Confirm
                      verb="Remove"
                      subject={member.email}
                      title={`Remove ${member.email} from “${project}”?`}
                      run={() => remove.mutateAsync({ params: { project, email: member.email } })}
                    >
                      {member.email === props.myEmail ? 'You see' : 'They see'} this project no longer. What
                      was done stays in the audit log.
                    </Confirm>
                  ) : null}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <More
        hasNextPage={members.hasNextPage}
        isFetching={members.isFetchingNextPage}
        onMore={() => void members.fetchNextPage()}
      />
    </Section>
  );
}

function Invitations({ project }: { project: string }) {
  const open = useApi('invitationList', { params: { project } });
  const revoke = useAction('invitationDelete');
  if (open.data === undefined || open.data.items.length === 0) return null;
  return (
    <Section title="Open invitations">
      <Table verticalSpacing={4}>
        <Table.Tbody>
          {open.data.items.map((one) => (
            <Table.Tr key={one.id}>
              <Table.Td>{one.email}</Table.Td>
              <Table.Td>{one.role}</Table.Td>
              <Table.Td>
                by {one.createdBy}, ends <Moment at={one.expiresAt} />
              </Table.Td>
              <Table.Td ta="right">
                <Confirm
                  verb="Revoke"
                  subject={`invitation of ${one.email}`}
                  title={`Revoke the invitation of ${one.email}?`}
                  run={() => revoke.mutateAsync({ params: { project, id: one.id } })}
                >
                  Its link ends.
                </Confirm>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}
