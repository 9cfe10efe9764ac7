/**
 * The schema library, set up before the first schema is made: a page whose content policy forbids eval must not even
 * try it, since the browser logs the attempt as an error.
 */
import { z } from 'zod';

if ('document' in globalThis) z.config({ jitless: true });

export { z };
