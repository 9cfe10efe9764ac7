/** `tinyfleet device-type`: the hardware profiles. */
import { Command } from 'commander';
import { bytes } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { FleetError } from '@tinyfleet/errors';

export function deviceTypeCommand(): Command {
  const command = new Command('device-type').description('Hardware profiles that models are built for');

  command
    .command('list')
    .description('built-in and own device types')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device-type list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const items = await deviceTypes(session);
      session.out.list(items, [
        { header: 'name', value: (t) => t.name },
        { header: 'core', value: (t) => t.core },
        { header: 'MHz', value: (t) => Math.round(t.clockHz / 1e6) },
        { header: 'slot', value: (t) => t.slotBytes, text: (t) => bytes(t.slotBytes) },
        { header: 'arena', value: (t) => t.arenaBytes, text: (t) => bytes(t.arenaBytes) },
        { header: 'abi', value: (t) => t.abi },
        { header: 'title', value: (t) => t.title },
      ]);
    });

  command
    .command('show')
    .description('one device type')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device-type show qemu-m4')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const type = (await deviceTypes(session)).find((t) => t.name === name);
      if (type === undefined) throw new FleetError('registry.type-not-found', { type: name });
      session.out.one(type, () =>
        renderFacts([
          ['name', type.name],
          ['title', type.title],
          ['core', `${type.core}, ${Math.round(type.clockHz / 1e6)} MHz`],
          ['flash', bytes(type.flashBytes)],
          ['RAM', bytes(type.ramBytes)],
          ['model slot', bytes(type.slotBytes)],
          ['arena', bytes(type.arenaBytes)],
          ['state', bytes(type.stateBytes)],
          ['flash page', `${bytes(type.sectorBytes)}, written in ${type.programUnitBytes}`],
          ['runtime ABI', type.abi],
          ['computes with', (type.features ?? []).join(', ') || 'integers'],
          ['made by', type.builtIn ? 'TinyFleet' : 'this project'],
          ['figures from', type.source],
        ]),
      );
    });

  return command;
}

async function deviceTypes(session: Session) {
  const client = await session.client();
  const project = await session.project();
  return all(() => client.call('deviceTypeList', { params: { project } }));
}
