/** Registers one device and shows, once, what has to go into its firmware. */
import { Button, Group, Select, Stack, TagsInput, TextInput } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Problem } from '../../components/page';
import { SecretDialog } from '../../components/secret';

export function RegisterDevice({ project }: { project: string }) {
  const { data: ports } = useApi('deviceEndpointGet', {});
  const addresses = [
    ['mqtts', ports?.mqttsPort],
    ['mqtt', ports?.mqttPort],
  ] as const;
  return (
    <SecretDialog<Resource<'DeviceRegistered'>>
      button={(open) => (
        <Button size="xs" onClick={open}>
          Register a device
        </Button>
      )}
      title={(made) => (made === undefined ? 'Register a device' : `${made.device.name} is registered`)}
      size="lg"
      form={(onMade) => <Form project={project} onRegistered={onMade} />}
      secret={({ token, mqttUsername }) => ({
        lines: [
          ...addresses.flatMap(([scheme, port]) =>
            port ? { name: 'Broker', text: `${scheme}://${window.location.hostname}:${port}` } : [],
          ),
          { name: 'MQTT client id and user name', text: mqttUsername },
          { name: 'Token: the MQTT password', text: token },
        ],
        about:
          'A lost token is replaced by another one later. What the device has to send is in docs/connect-a-device.md; our agent does it for you (docs/porting-agent.md).',
      })}
    />
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
