/** Who changed what, when and from where: the append-only log of the project, searched and taken away as a file. */
import { Anchor, Code, Group, Table, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { Fragment, useState } from 'react';
import { useApiList } from '../../app/api';
import { More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { changes } from './changes';

export function AuditPage() {
  const { project } = useParams({ from: '/p/$project' });
  const [actor, setActor] = useState('');
  const [action, setAction] = useState('');
  const [text, setText] = useState('');
  const [search] = useDebouncedValue({ actor: actor.trim(), action: action.trim(), text: text.trim() }, 300);
  const query = {
    ...(search.actor === '' ? {} : { actor: search.actor }),
    ...(search.action === '' ? {} : { action: search.action }),
    // A shorter part is refused, because it would match nearly everything.
    ...(search.text.length < 2 ? {} : { text: search.text }),
  };
  const log = useApiList('auditList', { params: { project }, query: { limit: 50, ...query } });
  const rows = log.data?.pages.flatMap((page) => page.items) ?? [];
  const file = (format: string) =>
    `/api/v1/projects/${project}/audit/export?${new URLSearchParams({ ...query, format }).toString()}`;
  return (
    <Page title="Audit log" about="Every change to this project; entries are never changed or removed.">
      <Section
        title="Entries"
        actions={
          <Group gap="sm">
            <Anchor size="sm" href={file('csv')} download>
              CSV
            </Anchor>
            <Anchor size="sm" href={file('ndjson')} download>
              NDJSON
            </Anchor>
          </Group>
        }
      >
        <Group gap="sm" mb="sm">
          <TextInput
            size="xs"
            label="Who"
            placeholder="person:ada@example.org"
            value={actor}
            onChange={(e) => setActor(e.currentTarget.value)}
          />
          <TextInput
            size="xs"
            label="Action"
            placeholder="device.*"
            value={action}
            onChange={(e) => setAction(e.currentTarget.value)}
          />
          <TextInput
            size="xs"
            label="Contains"
            placeholder="pump-1"
            value={text}
            onChange={(e) => setText(e.currentTarget.value)}
          />
        </Group>
        {log.error === null ? null : <Problem error={log.error} />}
        <div className="scroll-x" tabIndex={0} role="region" aria-label="Audit log">
          <Table verticalSpacing={4} miw={760}>
            <Table.Thead>
              <Table.Tr>
                {['When', 'Who', 'Action', 'What', 'From'].map((head) => (
                  <Table.Th key={head}>{head}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </Table.Tbody>
          </Table>
        </div>
        {log.data !== undefined && rows.length === 0 ? (
          <Text c="dimmed" size="sm" ta="center" py="md">
            Nothing matches.
          </Text>
        ) : null}
        <More
          hasNextPage={log.hasNextPage}
          isFetching={log.isFetchingNextPage}
          onMore={() => void log.fetchNextPage()}
        />
      </Section>
    </Page>
  );
}

function Entry({ entry }: { entry: Resource<'AuditEntry'> }) {
  const [isOpen, setIsOpen] = useState(false);
  const details = { ...entry.data, ...changes(entry.before, entry.after) };
  const hasDetails = Object.keys(details).length > 0;
  return (
    <Fragment>
      <Table.Tr>
        <Table.Td style={{ whiteSpace: 'nowrap' }}>
          <Moment at={entry.at} />
        </Table.Td>
        <Table.Td>{entry.actor}</Table.Td>
        <Table.Td className="mono" style={{ whiteSpace: 'nowrap' }}>
          {hasDetails ? (
            <Anchor
              component="button"
              type="button"
              size="sm"
              aria-expanded={isOpen}
              onClick={() => setIsOpen(!isOpen)}
            >
              {entry.action}
            </Anchor>
          ) : (
            entry.action
          )}
        </Table.Td>
        <Table.Td style={{ overflowWrap: 'anywhere' }}>{entry.subject}</Table.Td>
        <Table.Td>{entry.address ?? '–'}</Table.Td>
      </Table.Tr>
      {isOpen ? (
        <Table.Tr>
          <Table.Td colSpan={5}>
            <Code block>{JSON.stringify(details, undefined, 2)}</Code>
          </Table.Td>
        </Table.Tr>
      ) : null}
    </Fragment>
  );
}
