/** Memory of threads. */
import { setFlagsFromString } from 'node:v8';

/**
 * Leaves the young space of threads that are begun from now on to their own limits. The one that the process is started with (process.ts)
 * is made for ingest; as a flag it would hold for every thread whatever its limits say, and each would grow to it within minutes. It is
 * read when a thread is begun, so the main one keeps what it has.
 */
export function limitThreadsByTheirOwn(): void {
  setFlagsFromString('--max-semi-space-size=0');
}
