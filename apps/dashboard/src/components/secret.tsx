/** A secret that the server shows once: copy it, then say so. And where the button that makes it stands. */
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Command } from './page';

export function Secret(props: { name: string; secret: string; children?: ReactNode; onDone: () => void }) {
  return (
    <Stack gap="sm">
      <Alert color="orange" variant="light" role="status">
        It is shown this once. Keep it now.
      </Alert>
      <Text size="sm">{props.name}</Text>
      <Command text={props.secret} />
      {props.children}
      <Group justify="flex-end">
        <Button onClick={props.onDone}>I have kept it</Button>
      </Group>
    </Stack>
  );
}

/**
 * The button stands in one place whether the list below is empty or not: the list is read again as soon as the thing is
 * made, and a button that moved would take its window, and the secret in it, away.
 */
export function MakerAndList({ maker, children }: { maker: ReactNode; children: ReactNode }) {
  return (
    <Stack gap="md">
      <Group justify="flex-end">{maker}</Group>
      {children}
    </Stack>
  );
}
