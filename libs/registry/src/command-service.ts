/**
 * Commands to devices: what may be asked, and the queue it waits in until its device is there. Sent by the edge, which
 * authenticates them; refused by the device when they do not fit its state.
 */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { settingMark } from '@tinyfleet/wire';
import type { RegistryStores } from './ports.js';

export interface CommandOptions {
  /** Commands that may wait for one device. A device takes one at each contact. */
  readonly maxOpen: number;
}
export const commandDefaults: CommandOptions = { maxOpen: 32 };

/** Largest data, so that an ask fits the smallest packet buffer of 1,536 bytes with its topic and signature. */
export const MAX_COMMAND_DATA_BYTES = 1_024;

interface Shape {
  /** Smallest and largest argument; undefined: it takes none. */
  readonly argument?: readonly [number, number];
  readonly needsArgument?: true;
  readonly needsData?: true;
}
/** docs/spec/wire.md, Commands. rotate-key is not among them: it belongs to the project's keys. */
const shapes: Readonly<Record<Resource<'DeviceCommandName'>, Shape>> = {
  reboot: {},
  erase: { argument: [0, 3], needsArgument: true },
  'send-samples': { argument: [0, 65_535], needsArgument: true },
  'set-cadence': { argument: [0, 86_400_000], needsArgument: true },
  'set-edges': { needsData: true },
  abort: { argument: [0, 4_294_967_295] },
  shadow: { argument: [0, 65_535], needsArgument: true },
  revert: { argument: [0, 65_535] },
  'say-hello': {},
  capture: { needsData: true },
};

export class CommandService {
  constructor(
    private readonly transact: Transact<RegistryStores>,
    private readonly newId: () => string,
    private readonly options: CommandOptions = commandDefaults,
  ) {}

  /** @throws registry.command-invalid, registry.device-not-found, registry.commands-too-many, registry.command-unsigned, telemetry.samples-off */
  async send(
    actor: string,
    scope: ProjectScope,
    device: string,
    request: Resource<'DeviceCommandCreate'>,
  ): Promise<Resource<'DeviceCommand'>> {
    const { command, argument, expiresInSeconds } = request;
    const data = request.data === undefined ? undefined : Buffer.from(request.data, 'base64');
    const reason = obstacleTo(shapes[command], argument, data);
    if (reason !== undefined) throw new FleetError('registry.command-invalid', { command, reason });
    const id = this.newId();
    return await this.transact(async ({ commands, audit, events }) => {
      const setting = settingMark(command, argument, data);
      const row = { id, command, argument, data, setting, expiresInSeconds, createdBy: actor };
      const asksForSamples = command === 'capture' || (command === 'send-samples' && argument !== 0);
      if (asksForSamples && !(await commands.keepsSamples(scope)))
        throw new FleetError('telemetry.samples-off', { project: scope.name });
      await commands.add(scope, device, row, this.options.maxOpen);
      await audit.append(scope, {
        actor,
        action: 'device.asked',
        target: device,
        detail: { command, ...(argument === undefined ? {} : { argument }), id },
      });
      await events.emit(scope, 'command.changed', { device, id, command, state: 'queued' });
      return await commands.get(scope, device, id);
    });
  }
}

function obstacleTo(
  shape: Shape,
  argument: number | undefined,
  data: Uint8Array | undefined,
): string | undefined {
  if (argument === undefined && shape.needsArgument) return `it needs an argument, ${range(shape)}`;
  if (argument !== undefined) {
    if (!shape.argument) return 'it takes no argument';
    const [low, high] = shape.argument;
    if (argument < low || argument > high) return `its argument is ${argument}, not ${range(shape)}`;
  }
  if (!shape.needsData) return data === undefined ? undefined : 'it takes no data';
  if (data === undefined || data.length === 0) return 'it needs data';
  return data.length > MAX_COMMAND_DATA_BYTES
    ? `its data has ${data.length} bytes, more than ${MAX_COMMAND_DATA_BYTES}`
    : undefined;
}

const range = ({ argument }: Shape): string => (argument ? `${argument[0]} to ${argument[1]}` : '');
