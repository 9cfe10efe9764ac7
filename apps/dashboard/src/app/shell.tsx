/** The frame around a project's pages: navigation, project switcher, live state, demo banner. */
import {
  ActionIcon,
  Alert,
  Anchor,
  AppShell,
  Badge,
  Burger,
  Button,
  Group,
  Menu,
  Modal,
  NavLink,
  Stack,
  Text,
  Tooltip,
  VisuallyHidden,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, Outlet, useNavigate, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Problem } from '../components/page';
import { queryClient, useAction, useApi } from './api';
import { useLiveEvents, type LiveState } from './live';

const PAGES = [
  { to: '/p/$project', label: 'Fleet', exact: true },
  { to: '/p/$project/groups', label: 'Groups', exact: false },
  { to: '/p/$project/provisioning', label: 'Provisioning', exact: false },
  { to: '/p/$project/alerts', label: 'Alerts', exact: false },
  { to: '/p/$project/quality', label: 'Quality', exact: false },
  { to: '/p/$project/models', label: 'Models', exact: false },
  { to: '/p/$project/firmware', label: 'Firmware', exact: false },
  { to: '/p/$project/releases', label: 'Releases', exact: false },
  { to: '/p/$project/rollouts', label: 'Rollouts', exact: false },
  { to: '/p/$project/people', label: 'People', exact: false },
  { to: '/p/$project/audit', label: 'Audit', exact: false },
  { to: '/p/$project/settings', label: 'Settings', exact: false },
] as const;

export function Shell() {
  const { project } = useParams({ from: '/p/$project' });
  const [opened, { toggle, close }] = useDisclosure();
  const live = useLiveEvents(project);
  const info = useApi('projectGet', { params: { project } });
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <img src="/favicon.svg" width={26} height={26} alt="" />
            <Text fw={700} visibleFrom="xs">
              TinyFleet
            </Text>
            <ProjectMenu project={project} />
          </Group>
          <Group gap="sm" wrap="nowrap">
            <LiveDot state={live} />
            <SchemeToggle />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {PAGES.map((page) => (
          <PageLink key={page.to} to={page.to} exact={page.exact} project={project} onClick={close}>
            {page.label}
            {page.label === 'Alerts' ? <OpenAlerts project={project} /> : null}
          </PageLink>
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        {info.data?.simulated === true ? <DemoBanner project={project} /> : null}
        {info.error === null ? <Outlet /> : <Problem error={info.error} />}
      </AppShell.Main>
    </AppShell>
  );
}

function PageLink(props: {
  to: (typeof PAGES)[number]['to'];
  exact: boolean;
  project: string;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Link
      to={props.to}
      params={{ project: props.project }}
      activeOptions={{ exact: props.exact }}
      onClick={props.onClick}
      className="row-link"
    >
      {({ isActive }) => (
        <NavLink component="span" label={props.children} active={isActive} style={{ borderRadius: 8 }} />
      )}
    </Link>
  );
}

/** How many wait for somebody; nothing when none does. */
function OpenAlerts({ project }: { project: string }) {
  const { data } = useApi('alertList', { params: { project }, query: { state: 'open', limit: 100 } });
  const count = data?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <Badge ml={8} size="sm" color="red" variant="light">
      {data?.nextCursor === null ? count : '99+'}
      <VisuallyHidden> open</VisuallyHidden>
    </Badge>
  );
}

function ProjectMenu({ project }: { project: string }) {
  const projects = useApi('projectList', {});
  const navigate = useNavigate();
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button variant="default" size="compact-sm" aria-label={`Project ${project}, switch`}>
          {project} ▾
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {projects.data?.items.map((item) => (
          <Menu.Item
            key={item.name}
            onClick={() => void navigate({ to: '/p/$project', params: { project: item.name } })}
          >
            {item.name}
            {item.simulated ? ' (simulated)' : ''}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => void navigate({ to: '/projects/new' })}>New project…</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function LiveDot({ state }: { state: LiveState }) {
  const text = { live: 'Live', connecting: 'Connecting', lost: 'Not live' }[state];
  const color = { live: 'teal.6', connecting: 'yellow.6', lost: 'red.6' }[state];
  return (
    <Tooltip label={state === 'live' ? 'Changes appear by themselves.' : 'Reconnecting; figures may be old.'}>
      <Group gap={6} role="status" wrap="nowrap">
        <Text span c={color} size="lg" lh={1} aria-hidden>
          ●
        </Text>
        <Text size="sm" visibleFrom="xs">
          {text}
        </Text>
      </Group>
    </Tooltip>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <ActionIcon
      variant="default"
      onClick={() => setColorScheme(next)}
      aria-label={`Use ${next} colours`}
      title={`Use ${next} colours`}
    >
      {scheme === 'dark' ? '☀' : '☾'}
    </ActionIcon>
  );
}

function AccountMenu() {
  const me = useApi('me');
  const logout = useAction('logout', () => {
    queryClient.clear();
    location.assign('/login');
  });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="default"
          size="compact-sm"
          aria-label={`Account ${me.data?.email.split('@')[0] ?? ''}`}
        >
          {me.data?.email.split('@')[0] ?? '…'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{me.data?.email}</Menu.Label>
        <Menu.Item onClick={() => logout.mutate({})}>Log out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function DemoBanner({ project }: { project: string }) {
  const dark = useComputedColorScheme('light') === 'dark';
  const [asking, { open, close }] = useDisclosure();
  const remove = useAction('projectDelete', () => location.assign('/'), { refresh: false });
  return (
    <Alert className="page" mb="md" color={dark ? 'gray' : 'yellow'} variant="light" py="xs">
      <Group justify="space-between" gap="xs">
        <Text size="sm">
          <b>Simulated.</b> These devices run the real firmware in a simulator on this machine.
        </Text>
        <Group gap="sm">
          <Anchor component={Link} to="/projects/new" size="sm">
            Start an empty project
          </Anchor>
          <Button size="compact-sm" variant="default" onClick={open}>
            Remove the demo
          </Button>
        </Group>
      </Group>
      <Modal opened={asking} onClose={close} title="Remove the demo?" centered>
        <Stack>
          <Text size="sm">
            The project “{project}”, its simulated devices and their history are deleted. Your own projects
            stay.
          </Text>
          {remove.error === null ? null : <Problem error={remove.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Keep it
            </Button>
            <Button
              color="red"
              loading={remove.isPending}
              onClick={() => remove.mutate({ params: { project } })}
            >
              Remove
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Alert>
  );
}
