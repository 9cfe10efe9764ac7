/** Roles in a project, the least first. */
import { z } from '../zod.js';

export const Role = z.enum(['viewer', 'operator', 'developer', 'admin']).meta({ id: 'Role' });
