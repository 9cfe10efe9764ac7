/** Where the checkout and its built parts lie, seen from src/ and dist/ alike (same depth). */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const workspaceRoot = resolve(fileURLToPath(new URL('../../../../', import.meta.url)));
export const dashboardDist = resolve(workspaceRoot, 'apps/dashboard/dist');
export const docsDist = resolve(workspaceRoot, 'tools/docs-site/dist');
