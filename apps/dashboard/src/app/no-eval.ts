/** The page's content policy forbids eval: tells the schema library not to try. Must be imported before schemas. */
import { config } from 'zod';

config({ jitless: true });
