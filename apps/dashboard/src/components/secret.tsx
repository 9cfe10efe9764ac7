/** Secrets that the server shows once: the one dialog that makes them and shows them, and where its button stands. */
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState, type ReactNode } from 'react';
import { Command } from './page';

export interface ShownOnce {
  /** What to copy, such as a user name and its password; the secret is among them. */
  readonly lines: readonly { readonly name: string; readonly text: string }[];
  /** What to do with it. */
  readonly about?: ReactNode;
}

/**
 * A button, a form behind it, and then the secret. Once it is shown, a press beside the dialog does not take it away.
 */
export function SecretDialog<T>(props: {
  button: (open: () => void) => ReactNode;
  /** `made`: once it is. */
  title: (made: T | undefined) => string;
  size?: 'lg';
  form: (onMade: (made: T) => void, leave: () => void) => ReactNode;
  secret: (made: T) => ShownOnce;
}) {
  const [opened, { open, close }] = useDisclosure();
  const [made, setMade] = useState<T>();
  const leave = () => {
    close();
    setMade(undefined);
  };
  return (
    <>
      {props.button(open)}
      <Modal
        opened={opened}
        onClose={leave}
        title={props.title(made)}
        closeOnClickOutside={made === undefined}
        {...(props.size === undefined ? {} : { size: props.size })}
      >
        {made === undefined ? props.form(setMade, leave) : <Once shown={props.secret(made)} onDone={leave} />}
      </Modal>
    </>
  );
}

function Once({ shown, onDone }: { shown: ShownOnce; onDone: () => void }) {
  return (
    <Stack gap="sm">
      <Alert color="orange" variant="light" role="status">
        It is shown this once. Keep it now.
      </Alert>
      {shown.lines.map(({ name, text }) => (
        <div key={name}>
          <Text size="sm" mb={4}>
            {name}
          </Text>
          <Command text={text} />
        </div>
      ))}
      {shown.about === undefined ? null : (
        <Text size="sm" c="dimmed" component="div">
          {shown.about}
        </Text>
      )}
      <Group justify="flex-end">
        <Button onClick={onDone}>I have kept it</Button>
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
      {maker === null ? null : <Group justify="flex-end">{maker}</Group>}
      {children}
    </Stack>
  );
}
