/** What an operator does to one device: suspend, resume, retire, a new token. Each says what it means before it happens. */
import { Button, Group, Menu, Modal, Stack, Text } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { Command, Problem } from '../../components/page';

type Change = 'suspend' | 'retire' | 'token';

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
  token: {
    title: 'Make a new token?',
    text: 'It is shown once and has to go into the device. The one it has now stays good for a day.',
    button: 'Make a new token',
  },
};

export function DeviceActions({ project, device }: { project: string; device: Resource<'Device'> }) {
  const [asked, setAsked] = useState<Change>();
  const params = { project, device: device.name };
  const done = () => setAsked(undefined);
  const actions = {
    suspend: useAction('deviceSuspend', done),
    retire: useAction('deviceRetire', done),
    token: useAction('deviceToken'),
  };
  const resume = useAction('deviceResume');
  if (device.state === 'retired') return null;
  const action = asked === undefined ? undefined : actions[asked];
  const leave = () => {
    for (const one of Object.values(actions)) one.reset();
    done();
  };
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
          <Menu.Item onClick={() => setAsked('token')}>New token</Menu.Item>
          {device.state === 'suspended' ? null : (
            <Menu.Item onClick={() => setAsked('suspend')}>Suspend</Menu.Item>
          )}
          <Menu.Item color="red" onClick={() => setAsked('retire')}>
            Retire
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={asked !== undefined}
        onClose={leave}
        title={asked === undefined ? '' : WORDS[asked].title}
        closeOnClickOutside={actions.token.data === undefined}
      >
        {asked === undefined || action === undefined ? null : actions.token.data === undefined ? (
          <Stack>
            <Text size="sm">{WORDS[asked].text}</Text>
            {action.error === null ? null : <Problem error={action.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={leave}>
                Cancel
              </Button>
              <Button
                color={asked === 'token' ? undefined : 'red'}
                loading={action.isPending}
                onClick={() =>
                  asked === 'token'
                    ? actions.token.mutate({ params, body: {} })
                    : actions[asked].mutate({ params })
                }
              >
                {WORDS[asked].button}
              </Button>
            </Group>
          </Stack>
        ) : (
          <Stack>
            <Text size="sm">Shown this once:</Text>
            <Command text={actions.token.data.token} />
            <Group justify="flex-end">
              <Button onClick={leave}>I have kept it</Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  );
}
