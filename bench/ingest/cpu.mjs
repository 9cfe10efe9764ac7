// Processor time of a message: it says where the time goes also on a machine that has other work to do.
import { ownCpuS, treeCpuS } from '../fleet/product-api.mjs';

/** @param {{ server: number, database: number, load: number }} pids `database` of a process below which Postgres runs */
export function meter(pids) {
  const now = () => ({
    server: ownCpuS(pids.server),
    // What else runs below: the load, and the server where it is no parent of the database.
    database:
      treeCpuS(pids.database) -
      ownCpuS(pids.database) -
      (pids.database === pids.server ? 0 : ownCpuS(pids.server) + ownCpuS(pids.load)),
    load: ownCpuS(pids.load),
  });
  const before = now();
  /** Microseconds a message, over `messages` of them. */
  return (messages) => {
    const after = now();
    return Object.fromEntries(
      Object.keys(before).map((part) => [part, ((after[part] - before[part]) * 1e6) / Math.max(1, messages)]),
    );
  };
}
