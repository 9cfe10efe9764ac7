/** What an operator does to one device: suspend, resume, retire, remove. Each says what it means before it happens. */
import { Button, Group, Menu, Modal, Stack, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { useMay } from '../../app/role';
import { Problem } from '../../components/page';

type Change = 'suspend' | 'retire' | 'remove';

const WORDS: Readonly<Record<Change, { title: string; text: string; button: string }>> = {
  suspend: {
    title: 'Suspend this device?',
    text: 'Its connection drops at once and it is refused until you resume it. It keeps its model and goes on running it.',
    button: 'Suspend',
  },
  retire: {
    title: 'Retire this device?',
    text: 'Its credentials are taken away for good and no rollout counts it any more. Its name and history stay.',
    button: 'Retire',
  },
  remove: {
    title: 'Remove this device?',
    text: 'It is gone with its telemetry and history, and its name is free again. Retire it instead to keep them.',
    button: 'Remove',
  },
};

export function DeviceActions({ project, device }: { project: string; device: Resource<'Device'> }) {
  const [asked, setAsked] = useState<Change>();
  const may = useMay(project);
  const navigate = useNavigate();
  const params = { project, device: device.name };
  const done = () => setAsked(undefined);
  const actions = {
    suspend: useAction('deviceSuspend', done),
    retire: useAction('deviceRetire', done),
    remove: useAction('deviceDelete', () => void navigate({ to: '/p/$project', params: { project } }), {
      refresh: false,
    }),
  };
  const resume = useAction('deviceResume');
  if (!may('operator')) return null;
  const action = asked === undefined ? undefined : actions[asked];
  const leave = () => {
    for (const one of Object.values(actions)) one.reset();
    done();
  };
  const isRetired = device.state === 'retired';
  return (
    <>
      {device.state === 'suspended' ? (
        <Button size="xs" loading={resume.isPending} onClick={() => resume.mutate({ params })}>
          Resume
        </Button>
      ) : null}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="xs" variant="default">
            Actions ▾
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {device.state === 'suspended' || isRetired ? null : (
            <Menu.Item onClick={() => setAsked('suspend')}>Suspend</Menu.Item>
          )}
          {isRetired ? null : (
            <Menu.Item color="red" onClick={() => setAsked('retire')}>
              Retire
            </Menu.Item>
          )}
          <Menu.Item color="red" onClick={() => setAsked('remove')}>
            Remove
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={asked !== undefined}
        onClose={leave}
        title={asked === undefined ? '' : WORDS[asked].title}
      >
        {asked === undefined || action === undefined ? null : (
          <Stack>
            <Text size="sm">{WORDS[asked].text}</Text>
            {action.error === null ? null : <Problem error={action.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={leave}>
                Cancel
              </Button>
              <Button
                color="red"
                loading={action.isPending}
                onClick={() => actions[asked].mutate({ params })}
              >
                {WORDS[asked].button}
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}
