/** The narrow centred frame of pages before a project: set-up, login, new project. */
import { Card, Center, Group, Stack, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

export function DoorFrame({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · TinyFleet`;
  }, [title]);
  return (
    <Center mih="100vh" p="md" component="main">
      <Card withBorder w="100%" maw={420} padding="xl">
        <Stack>
          <Group gap="xs">
            <img src="/favicon.svg" width={28} height={28} alt="" />
            <Text fw={700}>TinyFleet</Text>
          </Group>
          <Title order={1} size="h3">
            {title}
          </Title>
          {children}
        </Stack>
      </Card>
    </Center>
  );
}
