/** Clocks of boots: decided by the first word on them, kept in memory because every window without own time needs one. */
import {
  clockOfHello,
  timelessBoot,
  type BootClock,
  type HelloReport,
  type WindowSource,
} from '@tinyfleet/telemetry';
import type { Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';

const maxEntries = 200_000;

interface BootKey {
  readonly projectId: string;
  readonly deviceId: string;
  readonly bootId: bigint;
}
const keyOf = (boot: BootKey): string => `${boot.deviceId}/${boot.bootId}`;

/** Of a window that does not say its own time. */
export type FindClock = (source: WindowSource) => BootClock | undefined;

export class BootClocks {
  private readonly remembered = new Map<string, BootClock>();

  /** The clocks of these windows, if no one of them has to be looked up. */
  known(windows: readonly WindowSource[]): FindClock | undefined {
    for (const { device, message } of windows) {
      if (message.startUnixMs !== undefined) continue;
      const { projectId, deviceId } = device;
      if (!this.remembered.has(keyOf({ projectId, deviceId, bootId: message.bootId }))) return undefined;
    }
    return this.find(new Map());
  }

  /** Stores what hellos say about their boots, and answers the clocks that these windows need. */
  async resolve(
    tx: Tx,
    hellos: readonly HelloReport[],
    windows: readonly WindowSource[],
  ): Promise<FindClock> {
    const said = new Map<string, BootKey & BootClock>();
    for (const { device, message, receivedAtMs } of hellos) {
      const boot = { projectId: device.projectId, deviceId: device.deviceId, bootId: message.bootId };
      if (!said.has(keyOf(boot))) said.set(keyOf(boot), { ...boot, ...clockOfHello(message, receivedAtMs) });
    }
    if (said.size > 0) await insert(tx, [...said.values()]);
    const wanted = new Map<string, BootKey & BootClock>();
    for (const { device, message, receivedAtMs, isTimedByArrival } of windows) {
      if (message.startUnixMs !== undefined) continue;
      const boot = { projectId: device.projectId, deviceId: device.deviceId, bootId: message.bootId };
      if (this.remembered.has(keyOf(boot))) continue;
      // A boot that nobody spoke of is timeless from now on: its windows must not move when a hello comes later.
      const clock = isTimedByArrival ? { offsetMs: receivedAtMs, known: false } : timelessBoot;
      wanted.set(keyOf(boot), { ...boot, ...clock });
    }
    const found = new Map<string, BootClock>();
    if (wanted.size > 0) {
      const boots = [...wanted.values()];
      await insert(tx, boots);
      for (const row of await select(tx, boots))
        found.set(keyOf(row), { offsetMs: row.offsetMs, known: row.known });
    }
    return this.find(found);
  }

  /** After commit: what was read may be remembered. */
  remember(windows: readonly WindowSource[], clockOf: FindClock): void {
    for (const source of windows) {
      const clock = clockOf(source);
      const { device, message } = source;
      if (!clock) continue;
      this.remembered.set(
        keyOf({ projectId: device.projectId, deviceId: device.deviceId, bootId: message.bootId }),
        clock,
      );
    }
    for (const key of this.remembered.keys()) {
      if (this.remembered.size <= maxEntries) break;
      this.remembered.delete(key);
    }
  }

  private find(found: ReadonlyMap<string, BootClock>): FindClock {
    return ({ device, message }) => {
      if (message.startUnixMs !== undefined) return undefined;
      const key = keyOf({ projectId: device.projectId, deviceId: device.deviceId, bootId: message.bootId });
      return this.remembered.get(key) ?? found.get(key);
    };
  }
}

async function insert(tx: Tx, clocks: readonly (BootKey & BootClock)[]): Promise<void> {
  await tx.query(namedQuery('telemetry/insert-clocks'), [
    clocks.map((one) => one.projectId),
    clocks.map((one) => one.deviceId),
    clocks.map((one) => BigInt.asIntN(64, one.bootId)),
    clocks.map((one) => Math.trunc(one.offsetMs)),
    clocks.map((one) => one.known),
  ]);
}

async function select(tx: Tx, boots: readonly BootKey[]): Promise<(BootKey & BootClock)[]> {
  const rows = await tx.query<Omit<BootKey & BootClock, 'bootId'> & { bootId: string }>(
    namedQuery('telemetry/find-clocks'),
    [
      boots.map((one) => one.projectId),
      boots.map((one) => one.deviceId),
      boots.map((one) => BigInt.asIntN(64, one.bootId)),
    ],
  );
  return rows.map((row) => ({ ...row, bootId: BigInt.asUintN(64, BigInt(row.bootId)) }));
}
