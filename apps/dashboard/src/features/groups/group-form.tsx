/** Makes a group, or changes the filter and the notes of one. */
import { Button, Group, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { NAME_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { FilterBox } from '../../components/filter/filter-box';
import { useFilter, type TypedFilter } from '../../components/filter/use-filter';
import { Problem } from '../../components/page';

export function GroupForm(props: {
  project: string;
  /** To begin with. */
  filter: string;
  onMade: (group: Resource<'Group'>) => void;
}) {
  const [name, setName] = useState('');
  const [kind, setKind] = useState<Resource<'GroupKind'>>('dynamic');
  const [notes, setNotes] = useState('');
  const filter = useFilter(props.filter);
  const create = useAction('groupCreate', props.onMade);
  const isReady = NAME_PATTERN.test(name.trim()) && (kind === 'static' || isUsable(filter));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({
          params: { project: props.project },
          body: { name: name.trim(), notes, filter: kind === 'dynamic' ? filter.applied : null },
        });
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Name"
          placeholder="pilot"
          required
          maxLength={63}
          classNames={{ input: 'mono' }}
          value={name}
          error={
            name === '' || NAME_PATTERN.test(name.trim())
              ? undefined
              : 'Use a-z, 0-9, dot, underscore, hyphen'
          }
          onChange={(e) => setName(e.currentTarget.value)}
          data-autofocus
        />
        <div>
          <Text size="sm" fw={500} id="group-kind" mb={4}>
            Its members are
          </Text>
          <SegmentedControl
            aria-labelledby="group-kind"
            data={[
              { value: 'dynamic', label: 'all that match a filter' },
              { value: 'static', label: 'chosen by hand' },
            ]}
            value={kind}
            onChange={(value) => setKind(value === 'static' ? 'static' : 'dynamic')}
          />
        </div>
        {kind === 'dynamic' ? <FilterField project={props.project} filter={filter} /> : null}
        <Notes value={notes} onChange={setNotes} />
        {create.error === null ? null : <Problem error={create.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending} disabled={!isReady}>
            Make the group
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function EditGroup(props: { project: string; group: Resource<'Group'>; onDone: () => void }) {
  const { project, group } = props;
  const [notes, setNotes] = useState(group.notes);
  const filter = useFilter(group.filter ?? '');
  const update = useAction('groupUpdate', props.onDone);
  const isDynamic = group.filter !== null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        update.mutate({
          params: { project, group: group.name },
          body: { notes, ...(isDynamic ? { filter: filter.applied } : {}) },
          headers: { 'if-match': `"${group.revision}"` },
        });
      }}
    >
      <Stack gap="sm">
        {isDynamic ? <FilterField project={project} filter={filter} /> : null}
        <Notes value={notes} onChange={setNotes} />
        {update.error === null ? null : <Problem error={update.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={update.isPending} disabled={isDynamic && !isUsable(filter)}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const isUsable = (filter: TypedFilter): boolean => filter.isSettled && filter.applied !== '';

/** The filter with the first devices it finds, so that a slip is seen before it is saved. */
function FilterField({ project, filter }: { project: string; filter: TypedFilter }) {
  const found = useApi(
    'deviceList',
    { params: { project }, query: { limit: 100, filter: filter.applied } },
    { enabled: filter.applied !== '' },
  );
  const count = found.data?.items.length ?? 0;
  const names = found.data?.items.slice(0, 5).map(({ name }) => name) ?? [];
  return (
    <div>
      <FilterBox project={project} filter={filter} label="Filter" isLabelShown required error={found.error} />
      <Text size="xs" c="dimmed" mih={18} mt={4} aria-live="polite">
        {filter.applied === '' || found.data === undefined
          ? ''
          : `${found.data.nextCursor === null ? formatInteger(count) : 'more than 100'} now${
              count === 0 ? '' : `: ${names.join(', ')}${count > names.length ? ', …' : ''}`
            }`}
      </Text>
    </div>
  );
}

function Notes(props: { value: string; onChange: (value: string) => void }) {
  return (
    <Textarea
      label="Notes"
      autosize
      minRows={2}
      maxRows={6}
      maxLength={4_000}
      value={props.value}
      onChange={(e) => props.onChange(e.currentTarget.value)}
    />
  );
}
