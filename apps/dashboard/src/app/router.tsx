/** The map of the dashboard: every view has an address, every page is loaded when it is first opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { ApiError } from '@tinyfleet/contracts';
import { Problem } from '../components/page';
import { client, queryClient } from './api';
import { Shell } from './shell';

/** Who is logged in; sends to /login or /setup otherwise. */
async function requireUser() {
  try {
    return await queryClient.query({
      queryKey: ['', 'me', {}],
      queryFn: () => client.call('me'),
      staleTime: 60_000,
    });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      const { done } = await client.call('setupState');
      const next = location.pathname + location.hash;
      throw redirect(done ? { to: '/login', search: { next } } : { to: '/setup' });
    }
    throw error;
  }
}

const root = createRootRoute({
  component: Outlet,
  errorComponent: ({ error }) => <Problem error={error} onRetry={() => location.reload()} />,
  notFoundComponent: () => <Problem error={new Error('There is no page at this address.')} />,
});

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: async () => {
    const me = await requireUser();
    const first = me.projects[0];
    throw redirect(
      first === undefined ? { to: '/projects/new' } : { to: '/p/$project', params: { project: first.name } },
    );
  },
});

const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('../features/setup/setup-page'), 'SetupPage'),
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>) => ({
    ...(typeof search['next'] === 'string' && /^\/(?![/\\])/.test(search['next'])
      ? { next: search['next'] }
      : {}),
    // A code: whatever else stands there is not shown.
    ...(typeof search['problem'] === 'string' && /^[a-z]+\.[a-z-]{1,40}$/.test(search['problem'])
      ? { problem: search['problem'] }
      : {}),
  }),
  component: lazyRouteComponent(() => import('../features/setup/login-page'), 'LoginPage'),
});

const invite = createRoute({
  getParentRoute: () => root,
  path: '/invite',
  component: lazyRouteComponent(() => import('../features/setup/invite-page'), 'InvitePage'),
});

const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: lazyRouteComponent(() => import('../features/setup/reset-page'), 'ResetPage'),
});

const cliLogin = createRoute({
  getParentRoute: () => root,
  path: '/cli-login',
  beforeLoad: requireUser,
  component: lazyRouteComponent(() => import('../features/setup/cli-login-page'), 'CliLoginPage'),
});

const newProject = createRoute({
  getParentRoute: () => root,
  path: '/projects/new',
  beforeLoad: requireUser,
  component: lazyRouteComponent(() => import('../features/setup/new-project-page'), 'NewProjectPage'),
});

const project = createRoute({
  getParentRoute: () => root,
  path: '/p/$project',
  beforeLoad: requireUser,
  component: Shell,
});
const filterOf = (search: Record<string, unknown>): { filter?: string } =>
  typeof search['filter'] === 'string' ? { filter: search['filter'] } : {};
const sortOf = (search: Record<string, unknown>): { sort?: 'lastSeen' | 'createdAt' } =>
  search['sort'] === 'lastSeen' || search['sort'] === 'createdAt' ? { sort: search['sort'] } : {};
const releaseOf = (search: Record<string, unknown>): { release?: string } =>
  typeof search['release'] === 'string' ? { release: search['release'] } : {};
const tabOf = (search: Record<string, unknown>): { tab?: string } =>
  typeof search['tab'] === 'string' ? { tab: search['tab'] } : {};
const inProject = <P extends string>(path: P) => ({ getParentRoute: () => project, path }) as const;

const fleet = createRoute({
  ...inProject('/'),
  validateSearch: (search: Record<string, unknown>) => ({
    ...filterOf(search),
    ...sortOf(search),
  }),
  component: lazyRouteComponent(() => import('../features/fleet/fleet-page'), 'FleetPage'),
});
const importDevices = createRoute({
  ...inProject('/import'),
  component: lazyRouteComponent(() => import('../features/fleet/import-page'), 'ImportPage'),
});
const groups = createRoute({
  ...inProject('/groups'),
  validateSearch: filterOf,
  component: lazyRouteComponent(() => import('../features/groups/groups-page'), 'GroupsPage'),
});
const group = createRoute({
  ...inProject('/groups/$group'),
  component: lazyRouteComponent(() => import('../features/groups/group-page'), 'GroupPage'),
});
const provisioning = createRoute({
  ...inProject('/provisioning'),
  validateSearch: tabOf,
  component: lazyRouteComponent(
    () => import('../features/provisioning/provisioning-page'),
    'ProvisioningPage',
  ),
});
const device = createRoute({
  ...inProject('/devices/$device'),
  validateSearch: (search: Record<string, unknown>): { deployment?: number; days?: number } => ({
    ...(Number.isInteger(search['deployment']) ? { deployment: Number(search['deployment']) } : {}),
    ...([1, 7, 14].includes(Number(search['days'])) ? { days: Number(search['days']) } : {}),
  }),
  component: lazyRouteComponent(() => import('../features/device/device-page'), 'DevicePage'),
});
const models = createRoute({
  ...inProject('/models'),
  component: lazyRouteComponent(() => import('../features/models/models-page'), 'ModelsPage'),
});
const model = createRoute({
  ...inProject('/models/$model'),
  component: lazyRouteComponent(() => import('../features/models/model-page'), 'ModelPage'),
});
const build = createRoute({
  ...inProject('/models/$model/versions/$version/builds/$deviceType'),
  component: lazyRouteComponent(() => import('../features/builds/build-page'), 'BuildPage'),
});
const firmwares = createRoute({
  ...inProject('/firmware'),
  component: lazyRouteComponent(() => import('../features/firmware/firmware-list-page'), 'FirmwareListPage'),
});
const firmware = createRoute({
  ...inProject('/firmware/$firmware'),
  component: lazyRouteComponent(() => import('../features/firmware/firmware-page'), 'FirmwarePage'),
});
const releases = createRoute({
  ...inProject('/releases'),
  component: lazyRouteComponent(() => import('../features/releases/releases-page'), 'ReleasesPage'),
});
const release = createRoute({
  ...inProject('/releases/$release'),
  component: lazyRouteComponent(() => import('../features/releases/release-page'), 'ReleasePage'),
});
const rollouts = createRoute({
  ...inProject('/rollouts'),
  component: lazyRouteComponent(() => import('../features/rollouts/rollouts-page'), 'RolloutsPage'),
});
const startRollout = createRoute({
  ...inProject('/rollouts/new'),
  validateSearch: (search: Record<string, unknown>) => ({ ...filterOf(search), ...releaseOf(search) }),
  component: lazyRouteComponent(() => import('../features/rollouts/start/start-page'), 'StartPage'),
});
const rollout = createRoute({
  ...inProject('/rollouts/$number'),
  validateSearch: (search: Record<string, unknown>): { state?: string } =>
    typeof search['state'] === 'string' ? { state: search['state'] } : {},
  component: lazyRouteComponent(() => import('../features/rollouts/rollout-page'), 'RolloutPage'),
});
const textsOf =
  <K extends string>(...names: readonly K[]) =>
  (search: Record<string, unknown>): Partial<Record<K, string>> => {
    const given = names.filter((name) => typeof search[name] === 'string' && search[name] !== '');
    return Object.fromEntries(given.map((name) => [name, search[name]])) as Partial<Record<K, string>>;
  };
const alerts = createRoute({
  ...inProject('/alerts'),
  validateSearch: textsOf('state', 'severity'),
  component: lazyRouteComponent(() => import('../features/alerts/alerts-page'), 'AlertsPage'),
});
const alert = createRoute({
  ...inProject('/alerts/$number'),
  component: lazyRouteComponent(() => import('../features/alerts/alert-page'), 'AlertPage'),
});
const quality = createRoute({
  ...inProject('/quality'),
  validateSearch: textsOf('range', 'model'),
  component: lazyRouteComponent(() => import('../features/quality/quality-page'), 'QualityPage'),
});
const drift = createRoute({
  ...inProject('/quality/drift'),
  validateSearch: textsOf('range', 'release', 'by', 'feature', 'group', 'show'),
  component: lazyRouteComponent(() => import('../features/quality/drift-page'), 'DriftPage'),
});
const compare = createRoute({
  ...inProject('/quality/compare'),
  validateSearch: (search: Record<string, unknown>) => ({
    ...textsOf('release', 'filter', 'againstRelease', 'againstFilter')(search),
    // The router reads a number in an address as one.
    ...(Number.isInteger(search['days']) || typeof search['days'] === 'string'
      ? { days: String(search['days']) }
      : {}),
  }),
  component: lazyRouteComponent(() => import('../features/quality/compare-page'), 'ComparePage'),
});
const labelQueue = createRoute({
  ...inProject('/quality/labels'),
  component: lazyRouteComponent(() => import('../features/quality/labels-page'), 'LabelsPage'),
});
const budget = createRoute({
  ...inProject('/quality/budget'),
  component: lazyRouteComponent(() => import('../features/quality/budget-page'), 'BudgetPage'),
});
const people = createRoute({
  ...inProject('/people'),
  component: lazyRouteComponent(() => import('../features/people/people-page'), 'PeoplePage'),
});
const audit = createRoute({
  ...inProject('/audit'),
  component: lazyRouteComponent(() => import('../features/audit/audit-page'), 'AuditPage'),
});
const settings = createRoute({
  ...inProject('/settings'),
  validateSearch: tabOf,
  component: lazyRouteComponent(() => import('../features/settings/settings-page'), 'SettingsPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    setup,
    login,
    invite,
    reset,
    cliLogin,
    newProject,
    project.addChildren([
      fleet,
      importDevices,
      groups,
      group,
      provisioning,
      device,
      models,
      model,
      build,
      firmwares,
      firmware,
      releases,
      release,
      rollouts,
      startRollout,
      rollout,
      alerts,
      alert,
      quality,
      drift,
      compare,
      labelQueue,
      budget,
      people,
      audit,
      settings,
    ]),
  ]),
  defaultPreload: 'intent',
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
