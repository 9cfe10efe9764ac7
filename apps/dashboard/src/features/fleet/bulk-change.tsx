/** Changes every device that matches the filter: what, then how many that are, then go. */
import {
  Alert,
  Button,
  Group,
  Modal,
  NativeSelect,
  Select,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Problem } from '../../components/page';
import { changeOf, describeChange, NO_CHANGE, type Draft } from './change-draft';

export function BulkChange({ project, filter }: { project: string; filter: string }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        onClick={open}
        disabled={filter === ''}
        title={filter === '' ? 'Type a filter first: name = "*" is every device.' : undefined}
      >
        Change all that match
      </Button>
      <Modal opened={opened} onClose={close} title="Change all that match" size="lg">
        <Text className="mono" size="sm" mb="md">
          {filter}
        </Text>
        <Steps key={filter} project={project} filter={filter} onDone={close} />
      </Modal>
    </>
  );
}

function Steps(props: { project: string; filter: string; onDone: () => void }) {
  const { project, filter } = props;
  const [draft, setDraft] = useState<Draft>(NO_CHANGE);
  const count = useAction('deviceBulkAction', undefined, { refresh: false });
  const change = useAction('deviceBulkAction');
  const wanted = changeOf(draft);
  const body = wanted === undefined ? undefined : { filter, change: wanted };
  if (change.data !== undefined) return <Done project={project} result={change.data} onDone={props.onDone} />;
  if (body !== undefined && count.data !== undefined) {
    const { matched, sample } = count.data;
    return (
      <Stack>
        <Text size="sm">
          <b>{plural(matched, 'device')}</b> match{matched === 1 ? 'es' : ''} now
          {sample.length === 0 ? '.' : `: ${sample.join(', ')}${matched > sample.length ? ', …' : ''}.`}
        </Text>
        <ul style={{ margin: 0 }}>
          {describeChange(body.change).map((line) => (
            <Text key={line} size="sm" component="li">
              {line}
            </Text>
          ))}
        </ul>
        {change.error === null ? null : <Problem error={change.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => count.reset()}>
            Back
          </Button>
          <Button
            color={draft.state === 'retire' || draft.state === 'suspend' ? 'red' : undefined}
            disabled={matched === 0}
            loading={change.isPending}
            onClick={() => change.mutate({ params: { project }, body: { ...body, expect: matched } })}
          >
            Change {plural(matched, 'device')}
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (body !== undefined) count.mutate({ params: { project }, body: { ...body, dryRun: true } });
      }}
    >
      <Stack gap="sm">
        <Fields project={project} draft={draft} onChange={(part) => setDraft({ ...draft, ...part })} />
        {count.error === null ? null : <Problem error={count.error} />}
        <Group justify="flex-end">
          <Button type="submit" disabled={body === undefined} loading={count.isPending}>
            Count them first
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Fields(props: { project: string; draft: Draft; onChange: (part: Partial<Draft>) => void }) {
  const { draft, onChange } = props;
  const groups = useApi('groupList', { params: { project: props.project }, query: { limit: 500 } });
  const lists = groups.data?.items.filter(({ kind }) => kind === 'static').map(({ name }) => name) ?? [];
  return (
    <>
      <Group grow align="flex-start">
        <TagsInput
          label="Add tags"
          value={[...draft.tag]}
          onChange={(tag) => onChange({ tag })}
          maxTags={32}
        />
        <TagsInput
          label="Take tags away"
          value={[...draft.untag]}
          onChange={(untag) => onChange({ untag })}
          maxTags={32}
        />
      </Group>
      <Group grow align="flex-start">
        <TextInput
          label="Site"
          maxLength={63}
          value={draft.site}
          onChange={(e) => onChange({ site: e.currentTarget.value })}
        />
        <TextInput
          label="Hardware revision"
          maxLength={63}
          value={draft.hardwareRevision}
          onChange={(e) => onChange({ hardwareRevision: e.currentTarget.value })}
        />
      </Group>
      <Group grow align="flex-start">
        <Select
          label="Add to a group"
          placeholder={lists.length === 0 ? 'no static group yet' : 'none'}
          data={lists}
          clearable
          searchable
          value={draft.addToGroup}
          onChange={(addToGroup) => onChange({ addToGroup })}
        />
        <Select
          label="Take out of a group"
          placeholder="none"
          data={lists}
          clearable
          searchable
          value={draft.removeFromGroup}
          onChange={(removeFromGroup) => onChange({ removeFromGroup })}
        />
      </Group>
      <Group grow align="flex-start">
        <TextInput
          label="Desired attribute"
          placeholder="owner"
          classNames={{ input: 'mono' }}
          maxLength={63}
          value={draft.key}
          onChange={(e) => onChange({ key: e.currentTarget.value })}
        />
        <TextInput
          label="Its value"
          placeholder="empty: remove it"
          value={draft.value}
          onChange={(e) => onChange({ value: e.currentTarget.value })}
        />
      </Group>
      <NativeSelect
        label="State"
        data={[
          { value: '', label: 'as it is' },
          { value: 'suspend', label: 'suspend: connections drop, devices are refused' },
          { value: 'resume', label: 'resume' },
          { value: 'retire', label: 'retire: credentials are taken away for good' },
        ]}
        value={draft.state}
        onChange={(e) => onChange({ state: e.currentTarget.value as Draft['state'] })}
      />
    </>
  );
}

function Done(props: { project: string; result: Resource<'BulkResult'>; onDone: () => void }) {
  const { project, result, onDone } = props;
  return (
    <Stack>
      <Alert color="teal" variant="light" role="status">
        {result.action === null ? (
          `${plural(result.changed, 'device')} changed. The audit log has one entry of it.`
        ) : (
          <>
            {plural(result.matched, 'device')} are changed one part after the other.{' '}
            <Link to="/p/$project/settings" params={{ project }} search={{ tab: 'jobs' }}>
              See how far it is
            </Link>
          </>
        )}
      </Alert>
      <Group justify="flex-end">
        <Button onClick={onDone}>Done</Button>
      </Group>
    </Stack>
  );
}
