/** A box for the filter language: completes fields, operators and values, and shows under the text what is wrong and where. */
import { Combobox, Group, Text, TextInput, useCombobox } from '@mantine/core';
import { ApiError } from '@tinyfleet/contracts';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useApi } from '../../app/api';
import { useMay } from '../../app/role';
import type { FilterProblem, KnownValues, Suggestion } from './language';
import type { TypedFilter } from './use-filter';

/** So that the suggestions leave the line of the error free. */
const BELOW_ERROR_PX = 30;

export function FilterBox(props: {
  project: string;
  filter: TypedFilter;
  label: string;
  /** Shown above; otherwise for screen readers only. */
  isLabelShown?: boolean;
  description?: string;
  required?: boolean;
  /** What the server says of it, such as a group that does not exist. */
  error?: unknown;
  /** Values seen elsewhere on the page, such as tags. */
  seen?: KnownValues;
}) {
  const { filter } = props;
  const [at, setAt] = useState<number>();
  const [isActive, setIsActive] = useState(false);
  const { language } = filter;
  const known = useKnownValues(props.project, isActive, props.seen);
  const input = useRef<HTMLInputElement>(null);
  const cursor = useRef<number | undefined>(undefined);
  const box = useCombobox();
  const suggestions = useMemo(
    () => (at === undefined ? [] : (language?.suggest(filter.text, at, known) ?? [])),
    [language, filter.text, at, known],
  );
  useLayoutEffect(() => {
    // A new text from outside puts the browser's cursor at its end.
    if (cursor.current === undefined) return;
    input.current?.setSelectionRange(cursor.current, cursor.current);
    cursor.current = undefined;
  }, [filter.text]);

  const problem = filter.problem;
  // Half a word that can still become one is no mistake yet.
  const wordAt =
    at === undefined ? 0 : at - (/[\w.*@:+"-]*$/.exec(filter.text.slice(0, at))?.[0].length ?? 0);
  const isUnfinished =
    isActive && box.dropdownOpened && suggestions.length > 0 && problem !== undefined && problem.at >= wordAt;
  const error = isUnfinished ? undefined : errorOf(filter, props.error);

  const take = (suggestion: Suggestion | undefined) => {
    if (suggestion === undefined) return;
    cursor.current = suggestion.cursor;
    filter.setText(suggestion.filter);
    setAt(suggestion.cursor);
    box.resetSelectedOption();
  };
  return (
    <Combobox
      store={box}
      onOptionSubmit={(value) => take(suggestions[Number(value)])}
      withinPortal={false}
      shadow="md"
      position="bottom-start"
      offset={error === undefined ? 6 : BELOW_ERROR_PX}
      middlewares={{ flip: false, shift: true }}
    >
      <Combobox.Target autoComplete="off">
        <TextInput
          ref={input}
          {...(props.isLabelShown === true ? { label: props.label } : { 'aria-label': props.label })}
          {...(props.description === undefined ? {} : { description: props.description })}
          required={props.required ?? false}
          placeholder='tag = "pilot" and lastSeen < 1h'
          classNames={{ input: 'mono' }}
          maxLength={2_000}
          aria-autocomplete="list"
          spellCheck={false}
          autoCapitalize="none"
          value={filter.text}
          error={error}
          onChange={(event) => {
            filter.setText(event.currentTarget.value);
            setAt(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
            box.openDropdown();
            box.resetSelectedOption();
          }}
          onSelect={(event) => setAt(event.currentTarget.selectionStart ?? undefined)}
          onFocus={() => {
            filter.begin();
            setIsActive(true);
          }}
          onClick={() => box.openDropdown()}
          onBlur={() => {
            setIsActive(false);
            box.closeDropdown();
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Tab' || event.shiftKey || !box.dropdownOpened) return;
            const chosen = suggestions[box.getSelectedOptionIndex()];
            if (chosen === undefined) return;
            event.preventDefault();
            take(chosen);
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown hidden={suggestions.length === 0} maw={420}>
        <Combobox.Options mah={260} style={{ overflowY: 'auto' }} aria-label="Suggestions">
          {suggestions.map((one, index) => (
            <Combobox.Option key={one.text} value={String(index)}>
              <Group gap="sm" wrap="nowrap" justify="space-between">
                <span className="mono">{one.text}</span>
                <Text size="xs" c="dimmed" truncate>
                  {one.about}
                </Text>
              </Group>
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

/** Asked for when somebody begins to type. Of tags and sites those of the first devices, whatever the filter finds, and those `seen`. */
function useKnownValues(project: string, enabled: boolean, seen: KnownValues | undefined): KnownValues {
  const may = useMay(project);
  const params = { project };
  const types = useApi('deviceTypeList', { params }, { enabled });
  const groups = useApi('groupList', { params, query: { limit: 100 } }, { enabled });
  const releases = useApi(
    'releaseList',
    { params, query: { limit: 100 } },
    { enabled: enabled && may('viewer') },
  );
  const devices = useApi('deviceList', { params, query: { limit: 100 } }, { enabled });
  return useMemo(() => {
    const refs = releases.data?.items.map(({ ref }) => ref) ?? [];
    const first = devices.data?.items ?? [];
    return {
      tag: sortedUnion(
        first.flatMap(({ tags }) => tags),
        seen?.tag,
      ),
      site: sortedUnion(
        first.flatMap(({ site }) => site ?? []),
        seen?.site,
      ),
      type: types.data?.items.map(({ name }) => name) ?? [],
      group: groups.data?.items.map(({ name }) => name) ?? [],
      release: refs,
      version: [...new Set(refs.map((ref) => ref.slice(ref.lastIndexOf('@') + 1)))],
    };
  }, [seen, types.data, groups.data, releases.data, devices.data]);
}

const sortedUnion = (a: readonly string[], b: readonly string[] = []): string[] =>
  [...new Set([...a, ...b])].sort();

function errorOf(filter: TypedFilter, error: unknown) {
  if (filter.problem !== undefined) return <Pointed text={filter.text} problem={filter.problem} />;
  if (filter.text.trim() !== filter.applied || error === null || error === undefined) return undefined;
  const { message } = error instanceof Error ? error : { message: 'The filter was refused.' };
  return (
    <span role="alert">
      {message} {error instanceof ApiError ? error.hint : ''}
    </span>
  );
}

/** Characters shown before and behind the place. */
const AROUND = 24;

function Pointed({ text, problem }: { text: string; problem: FilterProblem }) {
  const { at, reason } = problem;
  const word = /^(?:"[^"]*"?|[\w.*@:+-]+|.)/.exec(text.slice(at))?.[0] ?? '';
  const start = Math.max(0, at - AROUND);
  const end = at + word.length + AROUND;
  return (
    <span role="alert">
      Character {at + 1}: {reason}.{' '}
      <span className="mono filter-echo" aria-hidden>
        {start > 0 ? '…' : ''}
        {text.slice(start, at)}
        <mark>{word === '' ? '\u00a0' : word}</mark>
        {text.slice(at + word.length, end)}
        {text.length > end ? '…' : ''}
      </span>
    </span>
  );
}
