/** A button for what hurts: says what will happen, and does it after a second press. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState, type ReactNode } from 'react';
import { Problem } from './page';

export function Confirm(props: {
  /** The verb, on both buttons. */
  verb: string;
  /** What it is done to, for those who do not see the row. */
  subject: string;
  title: string;
  children: ReactNode;
  /** Default: red and subtle, as in a row of a table. */
  variant?: 'subtle' | 'default' | 'filled';
  /** It takes nothing away: not red. */
  isHarmless?: boolean;
  /** Asks why, for the log: `run` is given it. */
  asksWhy?: boolean;
  /** Of the button that leaves. */
  cancel?: string;
  run: (why: string) => Promise<unknown>;
}) {
  const color = props.isHarmless === true ? undefined : 'red';
  const isInTable = props.variant === undefined || props.variant === 'subtle';
  const [opened, { open, close }] = useDisclosure();
  const [isRunning, setIsRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [why, setWhy] = useState('');
  const leave = () => {
    setError(null);
    setWhy('');
    close();
  };
  const go = async () => {
    setIsRunning(true);
    setError(null);
    try {
      await props.run(why.trim());
      leave();
    } catch (problem) {
      setError(problem);
    } finally {
      setIsRunning(false);
    }
  };
  return (
    <>
      <Button
        size={isInTable ? 'compact-xs' : 'compact-sm'}
        variant={props.variant ?? 'subtle'}
        color={color}
        aria-label={`${props.verb} ${props.subject}`}
        onClick={open}
      >
        {props.verb}
      </Button>
      <Modal opened={opened} onClose={leave} title={props.title} centered>
        <Stack>
          <Text size="sm" component="div">
            {props.children}
          </Text>
          {props.asksWhy === true ? (
            <TextInput
              label="Why"
              description="For the log; may be left empty"
              maxLength={500}
              value={why}
              onChange={(event) => setWhy(event.currentTarget.value)}
            />
          ) : null}
          {error === null ? null : <Problem error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {props.cancel ?? 'Cancel'}
            </Button>
            <Button color={color} loading={isRunning} onClick={() => void go()}>
              {props.verb}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
