/** Payloads of transfers made in a worker thread, like builds: never on the event loop that serves devices. */
import { FleetError } from '@tinyfleet/errors';
import type { TransferEncoder } from '@tinyfleet/releases';
import { runCompiler, type ThreadControl } from './compiler-thread.js';

export const threadedEncoder = (control: ThreadControl): TransferEncoder => ({
  async encode(job) {
    const reply = await runCompiler({ kind: 'payload', ...job }, control);
    if (reply.kind !== 'encoded')
      throw new FleetError('builds.worker-died', { reason: 'an answer to something else' });
    return reply.payload;
  },
});
