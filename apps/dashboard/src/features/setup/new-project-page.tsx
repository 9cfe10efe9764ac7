/** Makes an empty project; its fleet page then teaches how to connect the first device. */
import { Button, Stack, Text, TextInput } from '@mantine/core';
import { NAME_PATTERN } from '@tinyfleet/contracts';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { Problem } from '../../components/page';
import { DoorFrame } from './door-frame';

export function NewProjectPage() {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const create = useAction('projectCreate', (made) => {
    void navigate({ to: '/p/$project', params: { project: made.name } });
  });
  const valid = NAME_PATTERN.test(name);
  return (
    <DoorFrame title="New project">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({ body: { name } });
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            A project owns devices, models, keys and members. Its name is part of topics and addresses.
          </Text>
          <TextInput
            label="Name"
            placeholder="pumps"
            required
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={name !== '' && !valid ? 'Use a-z 0-9 . _ - and start with a letter or digit' : undefined}
          />
          {create.error === null ? null : <Problem error={create.error} />}
          <Button type="submit" disabled={!valid} loading={create.isPending}>
            Make the project
          </Button>
        </Stack>
      </form>
    </DoorFrame>
  );
}
