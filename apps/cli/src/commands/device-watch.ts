/** `tinyfleet device watch`: what the platform stores of a device, as it grows. */
import { Command } from 'commander';
import pc from 'picocolors';
import { EventPulse } from '../events.js';
import { plural, state } from '../output/format.js';
import { Session } from '../session.js';
import { classLabels, classMix } from './class-mix.js';

export function watchCommand(): Command {
  return new Command('watch')
    .description('follow a device: every window and state change, until Ctrl-C')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device watch demo-007')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      const params = { project, device: name };
      const { url, token } = session.context;
      let seen = '';
      let lastState = '';
      const labels = new Map<string, string[]>();
      const pulse = new EventPulse({
        url,
        token,
        project,
        names: ['telemetry.committed', 'device.reported', 'deployment.changed', 'presence.changed'],
      });
      try {
        for (;;) {
          const device = await client.call('deviceGet', { params });
          const stateLine = `${device.presence} ${device.updateState ?? '-'} ${device.activeRelease ?? '-'}`;
          if (stateLine !== lastState) {
            lastState = stateLine;
            if (session.globals.output === 'json')
              session.out.line(JSON.stringify({ event: 'state', device }));
            else
              session.out.line(
                `${time()}  ${state(device.presence)}  ${state(device.updateState)}  ${device.activeRelease ?? '-'}`,
              );
          }
          // The last few to begin with, then whatever is new.
          const limit = seen === '' ? 5 : 50;
          const { items } = await client.call('deviceTelemetry', { params, query: { limit } });
          for (const window of items.filter((w) => w.startAt > seen).reverse()) {
            seen = window.startAt;
            if (session.globals.output === 'json') {
              session.out.line(JSON.stringify({ event: 'telemetry', window }));
              continue;
            }
            const release = window.release ?? '';
            if (release !== '' && !labels.has(release))
              labels.set(release, await classLabels(session, release));
            const mix = classMix(window.classCounts, labels.get(release) ?? []);
            session.out.line(
              `${pc.dim(when(window.startAt))}  ${plural(window.n, 'inference')}  ${mix}  ${pc.dim(release)}`,
            );
          }
          await pulse.wait(5_000);
        }
      } finally {
        pulse.close();
      }
    });
}

/** The time, with its day when that is not today (UTC). */
function when(timestamp: string): string {
  const isToday = timestamp.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return isToday ? timestamp.slice(11, 19) : timestamp.slice(0, 16).replace('T', ' ');
}

const time = () => pc.dim(new Date().toISOString().slice(11, 19));
