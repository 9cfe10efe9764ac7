/** Hellos and states: the reported side of devices and their deployments, inside the transaction of their batch. */
import {
  afterHello,
  afterReport,
  deniesActive,
  isEndState,
  isPayloadFailure,
  type DeploymentState,
  type ReportedUpdateState,
} from '@tinyfleet/rollouts';
import { versionOrderOf } from '@tinyfleet/contracts';
import { DEVICE_TRANSITIONS } from '@tinyfleet/registry';
import type { HelloReport, StateReport } from '@tinyfleet/telemetry';
import { resetCause, type Hello } from '@tinyfleet/wire';
import type { Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';
import type { Outbox } from './outbox.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export async function storeReports(
  tx: Tx,
  reports: { readonly hellos: readonly HelloReport[]; readonly states: readonly StateReport[] },
  outbox: Outbox,
): Promise<void> {
  const hellos = lastOf(reports.hellos);
  if (hellos.length > 0) await storeHellos(tx, hellos);
  const states = lastOf(reports.states.filter(({ message }) => message.updateState !== 'offline'));
  if (states.length > 0) await storeStates(tx, states);
  await moveDeployments(tx, hellos, reports.states, outbox);
  const seen = new Map<string, Set<string>>();
  for (const { device } of [...hellos, ...states]) {
    const names = seen.get(device.projectId) ?? new Set();
    seen.set(device.projectId, names.add(device.device));
  }
  for (const [projectId, names] of seen) outbox.add(projectId, 'device.reported', { devices: [...names] });
}

/** The last report of each device. */
function lastOf<R extends { readonly device: { readonly deviceId: string } }>(reports: readonly R[]): R[] {
  return [...new Map(reports.map((report) => [report.device.deviceId, report])).values()];
}

async function storeHellos(tx: Tx, hellos: readonly HelloReport[]): Promise<void> {
  await tx.query(namedQuery('telemetry/upsert-reports'), [
    hellos.map(({ device }) => device.projectId),
    hellos.map(({ device }) => device.deviceId),
    hellos.map(({ message }) => BigInt.asIntN(64, message.bootId)),
    hellos.map(({ receivedAtMs }) => new Date(receivedAtMs)),
    hellos.map(({ message }) => message.firmwareVersion),
    hellos.map(({ message }) => message.abi),
    hellos.map(({ message }) => numberOf(resetCause, message.resetCause)),
    hellos.map(({ message }) => JSON.stringify(message.slots, plain)),
    hellos.map(({ message }) => message.fetchSlot),
    hellos.map(({ message }) => activeDigest(message)),
    hellos.map(({ message }) => message.releaseSequence),
    hellos.map(({ message }) => message.floor),
    hellos.map(({ message }) => JSON.stringify(message, plain)),
    hellos.map(({ message }) => JSON.stringify(attributesOf(message))),
    hellos.map(({ message }) => versionOrderOf(message.firmwareVersion) ?? null),
  ]);
  const { from, to } = DEVICE_TRANSITIONS.hello;
  await tx.query(namedQuery('registry/greet-devices'), [
    hellos.map(({ device }) => device.projectId),
    hellos.map(({ device }) => device.deviceId),
    from,
    to,
  ]);
}

/** What a hello adds to the reported attributes: the facts people filter by. */
function attributesOf(hello: Hello): Record<string, string | number | null> {
  return {
    firmware: hello.firmwareVersion,
    abi: `${hello.abi >>> 16}.${hello.abi & 0xffff}`,
    resetCause: hello.resetCause,
    slotBytes: hello.slotBytes,
    arenaBytes: hello.arenaBytes,
    stateBytes: hello.stateBytes,
    sectorBytes: hello.sectorBytes,
    maxPacketBytes: hello.maxPacketBytes,
    dutyCycleS: hello.dutyCycleS ?? null,
  };
}

/** Digests and op sets as hex, boot ids as hex: JSON has neither. */
function plain(this: unknown, _key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  return typeof value === 'bigint' ? value.toString(16).padStart(16, '0') : value;
}

function activeDigest(hello: Hello): Buffer | null {
  const slot =
    hello.slots.find(({ state }) => state === 'active') ?? hello.slots.find(({ state }) => state === 'trial');
  return slot ? Buffer.from(slot.digest) : null;
}

/** Values of a newer protocol are spelled '#<number>'. */
function numberOf(values: Readonly<Record<string, number>>, name: string): number {
  return values[name] ?? (name.startsWith('#') ? Number(name.slice(1)) : 0);
}

async function storeStates(tx: Tx, states: readonly StateReport[]): Promise<void> {
  const runs = new Set(['active', 'soak', 'trial']);
  await tx.query(namedQuery('telemetry/update-states'), [
    states.map(({ device }) => device.projectId),
    states.map(({ device }) => device.deviceId),
    states.map(({ message }) => message.updateState),
    states.map(({ message }) => message.error ?? null),
    states.map(({ message }) =>
      message.digest && runs.has(message.updateState) ? Buffer.from(message.digest) : null,
    ),
    states.map(({ message }) => message.deployment),
  ]);
}

interface DeploymentRow {
  readonly projectId: string;
  readonly rolloutId: string;
  readonly deviceId: string;
  readonly device: string;
  readonly number: string;
  readonly rollout: string;
  readonly state: DeploymentState;
  readonly digest: Buffer;
  readonly offset: string;
  readonly bytes: string | null;
  readonly isDesired: boolean;
  /** Of what is desired now. */
  readonly revision: number;
  readonly fullOnly: boolean;
  readonly payloadBegun: boolean;
}

async function moveDeployments(
  tx: Tx,
  hellos: readonly HelloReport[],
  states: readonly StateReport[],
  outbox: Outbox,
): Promise<void> {
  const echoes = states.filter(({ message }) => message.deployment > 0);
  if (hellos.length === 0 && echoes.length === 0) return;
  const rows = await tx.query<DeploymentRow>(namedQuery('rollouts/find-reported'), [
    [...hellos.map(({ device }) => device.projectId), ...echoes.map(({ device }) => device.projectId)],
    [...hellos.map(({ device }) => device.deviceId), ...echoes.map(({ device }) => device.deviceId)],
    // 0: the deployment that is desired of the device now.
    [...hellos.map(() => 0), ...echoes.map(({ message }) => message.deployment)],
  ]);
  const changes: Change[] = [];
  for (const row of new Map(rows.map((one) => [one.number + one.projectId, one])).values()) {
    const change = changeOf(
      row,
      row.isDesired ? hellos.find(({ device }) => device.deviceId === row.deviceId) : undefined,
      echoes.filter(
        ({ device, message }) =>
          device.deviceId === row.deviceId && message.deployment === Number(row.number),
      ),
    );
    if (change) changes.push(change);
  }
  if (changes.length === 0) return;
  await tx.query(namedQuery('rollouts/update-reported'), [JSON.stringify(changes)]);
  const fallBack = changes.filter((change) => change.fallsBack);
  if (fallBack.length > 0) {
    await tx.query(namedQuery('rollouts/fall-back'), [
      fallBack.map(({ projectId }) => projectId),
      fallBack.map(({ deviceId }) => deviceId),
    ]);
  }
  for (const { row, state, offset } of changes) {
    if (state === row.state) continue;
    outbox.add(row.projectId, 'deployment.changed', {
      rollout: Number(row.rollout),
      device: row.device,
      state,
      offset: offset ?? Number(row.offset),
      bytes: Number(row.bytes ?? 0),
    });
  }
}

interface Change {
  readonly row: DeploymentRow;
  readonly projectId: string;
  readonly rolloutId: string;
  readonly deviceId: string;
  readonly state: DeploymentState;
  readonly offset: number | null;
  readonly error: number | null;
  readonly detail: number | null;
  readonly selfTest: unknown;
  /** In words, where no registered error says it. */
  readonly reason: string | null;
  /** Its payload was of no use: the bundle as it is comes next. */
  readonly fallsBack: boolean;
}

function changeOf(
  row: DeploymentRow,
  hello: HelloReport | undefined,
  echoes: readonly StateReport[],
): Change | undefined {
  let state = row.state;
  let heard = false;
  let offset: number | null = null;
  let error: number | null = null;
  let detail: number | null = null;
  let selfTest: unknown = null;
  let fallsBack = false;
  let reason: string | null = null;
  for (const { message } of echoes) {
    if (message.updateState === 'failed' && row.isDesired && !isEndState(state)) {
      // The failure that led to the offer of now, once more.
      if (row.fullOnly && message.revision < row.revision) continue;
      if (!row.fullOnly && isPayloadFailure(message.error, row.payloadBegun)) {
        fallsBack = heard = true;
        state = 'offered';
        offset = 0;
        continue;
      }
    }
    heard = true;
    offset = message.offset ?? offset;
    error = message.error ?? error;
    detail = message.detail ?? detail;
    selfTest = message.selfTest ?? selfTest;
    state = afterReport(state, message.updateState as ReportedUpdateState) ?? state;
    if (state === 'active' && message.updateState === 'active' && runsAnother(message.digest, row.digest)) {
      state = 'reverted';
      reason = 'it says active and names another bundle';
    }
  }
  if (hello) {
    const slots = hello.message.slots.map(({ digest, state: slotState }) => ({
      digest: hex(digest),
      state: slotState,
    }));
    state = afterHello(state, hex(row.digest), slots) ?? state;
    if (row.state === 'active' && echoes.length === 0 && deniesActive(hex(row.digest), slots)) {
      state = 'reverted';
      reason = 'it was active and runs another bundle now';
    }
  }
  if (!heard && state === row.state) return undefined;
  const { projectId, rolloutId, deviceId } = row;
  return { row, projectId, rolloutId, deviceId, state, offset, error, detail, selfTest, reason, fallsBack };
}

const runsAnother = (named: Uint8Array | undefined, wanted: Buffer): boolean =>
  named !== undefined && !wanted.equals(named);
