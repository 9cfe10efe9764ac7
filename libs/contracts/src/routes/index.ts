/**
 * Every route of the public API in one table: it validates on the server, makes docs/api/openapi.json and types
 * the client.
 */
import { accessRoutes } from './access.js';
import { peopleRoutes } from './people.js';
import { projectsRoutes } from './projects.js';
import { deviceTypesRoutes } from './device-types.js';
import { devicesRoutes } from './devices.js';
import { groupsRoutes } from './groups.js';
import { deviceImportsRoutes } from './device-imports.js';
import { commandsRoutes } from './commands.js';
import { credentialsRoutes } from './credentials.js';
import { provisioningRoutes } from './provisioning.js';
import { modelsRoutes } from './models.js';
import { firmwareRoutes } from './firmware.js';
import { buildsRoutes } from './builds.js';
import { releasesRoutes } from './releases.js';
import { rolloutsRoutes } from './rollouts.js';
import { qualityRoutes } from './quality.js';
import { telemetryRoutes } from './telemetry.js';
import { alertsRoutes } from './alerts.js';
import { webhooksRoutes } from './webhooks.js';
import type { Route } from './route.js';

export type { Route } from './route.js';

export const routes = {
  ...accessRoutes,
  ...peopleRoutes,
  ...projectsRoutes,
  ...deviceTypesRoutes,
  ...devicesRoutes,
  ...groupsRoutes,
  ...deviceImportsRoutes,
  ...commandsRoutes,
  ...credentialsRoutes,
  ...provisioningRoutes,
  ...modelsRoutes,
  ...firmwareRoutes,
  ...buildsRoutes,
  ...releasesRoutes,
  ...rolloutsRoutes,
  ...qualityRoutes,
  ...telemetryRoutes,
  ...alertsRoutes,
  ...webhooksRoutes,
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
export type RouteOf<N extends RouteName> = (typeof routes)[N];
