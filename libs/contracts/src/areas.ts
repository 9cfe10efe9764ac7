/**
 * Parts of the API that a token can be limited to. Read off the paths, so a new route belongs to one without being
 * listed: the first word behind the project (`devices` of /projects/:project/devices/:device), else the first word.
 */
import { routes, type Route, type RouteName } from './routes/index.js';

export function areaOf(route: Pick<Route, 'path'>): string {
  const words = route.path.split('/').filter((word) => word !== '');
  return (words[1] === ':project' ? words[2] : words[0]) ?? 'projects';
}

export const AREAS: readonly string[] = [
  ...new Set(Object.values(routes).map((route) => areaOf(route))),
].sort();

/** Routes that change something. */
export const isMutating = (route: Pick<Route, 'method'>): boolean => route.method !== 'GET';
export const routeNames = Object.keys(routes) as readonly RouteName[];
