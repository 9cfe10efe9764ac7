/** Registers one device and shows, once, what has to go into its firmware. */
import { Alert, Button, Group, Modal, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Command, Problem } from '../../components/page';

export function RegisterDevice({ project }: { project: string }) {
  const [opened, { open, close }] = useDisclosure();
  const [registered, setRegistered] = useState<Resource<'DeviceRegistered'>>();
  const leave = () => {
    close();
    setRegistered(undefined);
  };
  return (
    <>
      <Button size="xs" onClick={open}>
        Register a device
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={registered === undefined ? 'Register a device' : `${registered.device.name} is registered`}
        size="lg"
        closeOnClickOutside={registered === undefined}
      >
        {registered === undefined ? (
          <Form project={project} onRegistered={setRegistered} />
        ) : (
          <Credentials registered={registered} onDone={leave} />
        )}
      </Modal>
    </>
  );
}

function Form(props: { project: string; onRegistered: (registered: Resource<'DeviceRegistered'>) => void }) {
  const { project } = props;
  const types = useApi('deviceTypeList', { params: { project } });
  const register = useAction('deviceRegister', props.onRegistered);
  const [name, setName] = useState('');
  const [type, setType] = useState<string | null>(null);
  const [tags, setTags] = useState<string[]>([]);
  const [site, setSite] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (type === null) return;
        register.mutate({
          params: { project },
          body: { name: name.trim(), type, tags, site: site.trim() === '' ? null : site.trim() },
        });
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="Lower case letters, digits, dot, underscore and hyphen"
          placeholder="pump-1"
          required
          maxLength={63}
          classNames={{ input: 'mono' }}
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          data-autofocus
        />
        <Select
          label="Type"
          description="What memory it has, and which runtime"
          required
          searchable
          data={
            types.data?.items.map((one) => ({ value: one.name, label: `${one.name} · ${one.title}` })) ?? []
          }
          value={type}
          onChange={setType}
        />
        <TagsInput label="Tags" placeholder="pilot" value={tags} onChange={setTags} maxTags={32} />
        <TextInput
          label="Site"
          placeholder="hall 3"
          maxLength={63}
          value={site}
          onChange={(e) => setSite(e.currentTarget.value)}
        />
        {register.error === null ? null : <Problem error={register.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={register.isPending} disabled={name.trim() === '' || type === null}>
            Register
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Credentials(props: { registered: Resource<'DeviceRegistered'>; onDone: () => void }) {
  const { token, mqttUsername } = props.registered;
  return (
    <Stack gap="sm">
      <Alert color="orange" variant="light">
        The token is shown this once. Keep it now, or make another one later.
      </Alert>
      <Text size="sm">MQTT client id and user name</Text>
      <Command text={mqttUsername} />
      <Text size="sm">Token: the MQTT password</Text>
      <Command text={token} />
      <Text size="sm" c="dimmed">
        What the device has to send is in docs/connect-a-device.md; our agent does it for you
        (docs/porting-agent.md).
      </Text>
      <Group justify="flex-end">
        <Button onClick={props.onDone}>I have kept it</Button>
      </Group>
    </Stack>
  );
}
