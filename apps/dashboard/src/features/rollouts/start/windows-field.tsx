/** Maintenance windows: days and hours by the clock of each device. */
import { ActionIcon, Button, Chip, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { newId, type Days, type WindowDraft } from './draft';
import type { FieldProps } from './policy-stage';

const DAYS: Days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

export function WindowsField({ draft, onChange }: FieldProps) {
  const { windows } = draft;
  const set = (next: readonly WindowDraft[]) => onChange({ ...draft, windows: next });
  const edit = (id: number, part: Partial<WindowDraft>) =>
    set(windows.map((one) => (one.id === id ? { ...one, ...part } : one)));
  return (
    <Stack gap="sm">
      {windows.map((one, index) => (
        <Group key={one.id} gap="sm" role="group" aria-label={`Window ${index + 1}`}>
          <Chip.Group
            multiple
            value={[...one.days]}
            onChange={(days) => edit(one.id, { days: inOrder(days) })}
          >
            <Group gap={4}>
              {DAYS.map((day) => (
                <Chip key={day} value={day} size="xs">
                  {day}
                </Chip>
              ))}
            </Group>
          </Chip.Group>
          <Group gap={6} wrap="nowrap">
            <TextInput
              type="time"
              size="xs"
              aria-label={`Window ${index + 1} from`}
              value={one.from}
              onChange={(e) => edit(one.id, { from: e.currentTarget.value })}
            />
            <span aria-hidden>–</span>
            <TextInput
              type="time"
              size="xs"
              aria-label={`Window ${index + 1} to`}
              value={one.to}
              onChange={(e) => edit(one.id, { to: e.currentTarget.value })}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Remove window ${index + 1}`}
              onClick={() => set(windows.filter(({ id }) => id !== one.id))}
            >
              ✕
            </ActionIcon>
          </Group>
        </Group>
      ))}
      <Group align="flex-end">
        <Button
          variant="default"
          size="xs"
          disabled={windows.length >= 20}
          onClick={() => set([...windows, { id: newId(), days: DAYS, from: '22:00', to: '04:00' }])}
        >
          Add a maintenance window
        </Button>
        {windows.length === 0 ? (
          <Text size="sm" c="dimmed">
            None: at any time.
          </Text>
        ) : (
          <Select
            label="Clock of devices that have no time zone"
            searchable
            allowDeselect={false}
            data={ZONES}
            value={draft.timeZone}
            onChange={(zone) => onChange({ ...draft, timeZone: zone ?? 'UTC' })}
          />
        )}
      </Group>
    </Stack>
  );
}

const inOrder = (days: readonly string[]): Days => DAYS.filter((day) => days.includes(day));
