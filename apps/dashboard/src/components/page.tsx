/** The frame of a page: title, what it is about, actions; and how it shows waiting, failing and nothing. */
import { Alert, Button, Card, Code, CopyButton, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { ApiError } from '@tinyfleet/contracts';
import { useEffect, type ReactNode } from 'react';

export function Page(props: { title: string; about?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${props.title} · TinyFleet`;
  }, [props.title]);
  return (
    <Stack className="page" gap="lg">
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={1} size="h2">
            {props.title}
          </Title>
          {props.about === undefined ? null : (
            <Text c="dimmed" size="sm" component="div">
              {props.about}
            </Text>
          )}
        </div>
        <Group gap="xs">{props.actions}</Group>
      </Group>
      {props.children}
    </Stack>
  );
}

export function Section(props: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  /** Of its address. */
  id?: string;
  /** None: it says all in its words. */
  children?: ReactNode;
}) {
  return (
    <Card withBorder component="section" aria-label={props.title} padding="md" id={props.id}>
      <Group justify="space-between" mb={props.children === undefined ? 0 : 'sm'} gap="xs">
        <div>
          <Title order={2} size="h5">
            {props.title}
          </Title>
          {props.about === undefined ? null : (
            <Text c="dimmed" size="xs" component="div">
              {props.about}
            </Text>
          )}
        </div>
        {props.actions}
      </Group>
      {props.children}
    </Card>
  );
}

/** What went wrong and what to do about it. */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const known = error instanceof ApiError;
  return (
    <Alert
      color="red"
      variant="light"
      title={error instanceof Error ? error.message : 'Something failed.'}
      role="alert"
    >
      <Stack gap={6} align="flex-start">
        {known && error.hint !== undefined ? <Text size="sm">{error.hint}</Text> : null}
        {known ? (
          <Text size="xs" c="dimmed">
            Code <Code>{error.code}</Code>
          </Text>
        ) : null}
        {onRetry === undefined ? null : (
          <Button size="compact-sm" variant="light" color="red" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

interface Loadable<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

/** Shows a skeleton of the right height, the problem, or the content. */
export function Loaded<T>(props: { query: Loadable<T>; height?: number; children: (data: T) => ReactNode }) {
  const { data, error } = props.query;
  if (data !== undefined) return <>{props.children(data)}</>;
  if (error !== null && error !== undefined) {
    return <Problem error={error} onRetry={() => void props.query.refetch()} />;
  }
  return <Skeleton height={props.height ?? 160} radius="md" aria-label="Loading" />;
}

/** Nothing here yet: what it would be, in words, and the commands or the button that change that. */
export function Empty(props: {
  title: string;
  about?: ReactNode;
  commands?: readonly string[];
  children?: ReactNode;
}) {
  return (
    <Card withBorder padding="xl">
      <Stack gap="sm" maw={640}>
        <Title order={2} size="h4">
          {props.title}
        </Title>
        {props.about === undefined ? null : (
          <Text size="sm" component="div">
            {props.about}
          </Text>
        )}
        {props.commands?.map((command) => (
          <Command key={command} text={command} />
        ))}
        {props.children}
      </Stack>
    </Card>
  );
}

/** A command to copy. */
export function Command({ text }: { text: string }) {
  return (
    <Group gap="xs" wrap="nowrap" align="stretch">
      <Code block className="scroll-x" tabIndex={0} style={{ flex: 1 }}>
        {text}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button size="xs" variant="default" onClick={copy} aria-label={`Copy: ${text}`} h="auto">
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}

export function More(props: { hasNextPage: boolean; isFetching: boolean; onMore: () => void }) {
  if (!props.hasNextPage) return null;
  return (
    <Group justify="center" mt="sm">
      <Button variant="default" size="xs" loading={props.isFetching} onClick={props.onMore}>
        Show more
      </Button>
    </Group>
  );
}
