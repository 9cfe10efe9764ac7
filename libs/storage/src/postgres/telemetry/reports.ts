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
import { errorByNumber } from '@tinyfleet/errors';
import { DEVICE_TRANSITIONS } from '@tinyfleet/registry';
import type { HelloReport, StateReport } from '@tinyfleet/telemetry';
import { resetCause, type Hello } from '@tinyfleet/wire';
import type { Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';
import type { Outbox } from './outbox.js';
import { countShadows } from './shadow-counters.js';

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
  await countErrors(tx, reports.states);
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
    // The first is the one that runs.
    hellos.map(({ message }) =>
      message.firmwareSlots?.[0] ? Buffer.from(message.firmwareSlots[0].digest) : null,
    ),
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
    states.map(({ message }) => message.component === 'firmware'),
    states.map(({ sequence }) => sequence && BigInt.asIntN(64, sequence.bootId)),
    states.map(({ sequence }) => sequence?.last),
    states.map(({ sequence }) => sequence?.gaps),
  ]);
}

/** Numbers that are not registered count as one: a device could make up any. */
async function countErrors(tx: Tx, states: readonly StateReport[]): Promise<void> {
  const reported = states.flatMap(({ device, message, receivedAtMs }) =>
    message.error === undefined || message.error === 0
      ? []
      : [{ device, receivedAtMs, number: message.error, deployment: message.deployment }],
  );
  if (reported.length === 0) return;
  await tx.query(namedQuery('telemetry/upsert-device-errors'), [
    reported.map(({ device }) => device.projectId),
    reported.map(({ device }) => device.deviceId),
    reported.map(({ number }) => (errorByNumber(number) === undefined ? 0 : Math.abs(number))),
    reported.map(({ number }) => number),
    reported.map(({ deployment }) => deployment),
    reported.map(({ receivedAtMs }) => new Date(receivedAtMs)),
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
  /** The release's, or of what it goes back to. */
  readonly digest: Buffer;
  /** What its state speaks of. */
  readonly component: 'model' | 'firmware';
  readonly isBack: boolean;
  /** Of firmware that the release installs before its model, or that the device goes back to behind it. */
  readonly imageDigest: Buffer | null;
  /** That leads back to that image; null: none does. */
  readonly imageRelease: string | null;
  readonly imageFallback: boolean | null;
  /** As the device last said, where the release brings firmware. */
  readonly runningImage: Buffer | null;
  readonly offset: string;
  readonly bytes: string | null;
  readonly isDesired: boolean;
  readonly isShadow: boolean;
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
  const helloOf = new Map(hellos.map((hello) => [hello.device.deviceId, hello]));
  const echoesOf = new Map<string, StateReport[]>();
  for (const echo of echoes) {
    const key = `${echo.device.deviceId}/${echo.message.deployment}`;
    const earlier = echoesOf.get(key);
    if (earlier) earlier.push(echo);
    else echoesOf.set(key, [echo]);
  }
  const changes: Change[] = [];
  for (const row of new Map(rows.map((one) => [one.number + one.projectId, one])).values()) {
    const change = changeOf(
      row,
      row.isDesired ? helloOf.get(row.deviceId) : undefined,
      echoesOf.get(`${row.deviceId}/${row.number}`) ?? [],
    );
    if (change) changes.push(change);
  }
  await countShadows(tx, echoes);
  if (changes.length === 0) return;
  await tx.query(namedQuery('rollouts/update-reported'), [JSON.stringify(changes)]);
  const fallBack = changes.filter((change) => change.fallsBack);
  if (fallBack.length > 0) {
    await tx.query(namedQuery('rollouts/fall-back'), [
      fallBack.map(({ projectId }) => projectId),
      fallBack.map(({ deviceId }) => deviceId),
    ]);
  }
  // What could not go on has ended.
  const goOn = changes.filter(
    ({ row, component, state }) => row.isDesired && component !== row.component && !isEndState(state),
  );
  if (goOn.length > 0) {
    await tx.query(namedQuery('rollouts/next-component'), [
      goOn.map(({ projectId }) => projectId),
      goOn.map(({ deviceId }) => deviceId),
      goOn.map(({ row }) => (row.isBack ? row.imageRelease : null)),
      goOn.map(({ row }) => (row.isBack ? row.imageFallback : null)),
      goOn.map(({ row }) => (row.isBack ? row.imageDigest : null)),
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
  readonly component: DeploymentRow['component'];
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
  let { component } = row;
  // Where both parts of a release come or go, the end of the first one begins the second one.
  const goOn = (): void => {
    if (row.imageDigest === null) return;
    if (!row.isBack && component === 'firmware' && state === 'active') {
      component = 'model';
      state = 'offered';
      offset = 0;
    }
    if (row.isBack && component === 'model' && state === 'returned') {
      if (row.runningImage?.equals(row.imageDigest)) return;
      component = 'firmware';
      offset = 0;
      state = row.imageRelease === null ? 'failed' : 'returning';
      if (row.imageRelease === null) reason = noWayBack;
    }
  };
  for (const { message } of echoes) {
    // Of the part that is over, or that has not begun. What a device could not read it takes for a model's.
    if (message.component !== component && message.updateState !== 'failed') continue;
    // What is to be installed is not done with by running beside the model that it replaces.
    if (message.updateState === 'shadow' && !row.isShadow) continue;
    if (message.updateState === 'failed' && row.isDesired && !isEndState(state)) {
      // The failure that led to the offer of now, once more.
      if (row.fullOnly && message.revision < row.revision) continue;
      if (!row.fullOnly && isPayloadFailure(message.error, row.payloadBegun)) {
        fallsBack = heard = true;
        state = row.isBack ? 'returning' : 'offered';
        offset = 0;
        continue;
      }
    }
    heard = true;
    offset = message.offset ?? offset;
    error = message.error ?? error;
    detail = message.detail ?? detail;
    selfTest = message.selfTest ?? selfTest;
    state = afterReport(state, message.updateState as ReportedUpdateState, message.error) ?? state;
    if (
      state === 'active' &&
      message.updateState === 'active' &&
      runsAnother(message.digest, wantedOf(row, component))
    ) {
      state = 'reverted';
      reason = 'it says active and names another bundle';
    }
    goOn();
  }
  if (hello) {
    const { slots: models, firmwareSlots: images = [] } = hello.message;
    const wanted = hex(wantedOf(row, component));
    const reported = component === 'firmware' ? images : models;
    const slots = reported.map(({ digest, state: slotState }, i) => ({
      digest: hex(digest),
      // The first image runs. Another one may be called active while that is tried.
      state: component === 'firmware' && i > 0 && slotState === 'active' ? 'retained' : slotState,
    }));
    const proven = afterHello(state, wanted, slots);
    if (proven) {
      state = proven;
      // The message that says why may come later than this: the slot says it, too.
      error ??= reported.find(({ digest }) => hex(digest) === wanted)?.error ?? null;
    }
    // It runs what it was to go back to, whatever it had said.
    if (row.isBack && state === 'active') state = 'returned';
    goOn();
    if (row.state === 'active' && echoes.length === 0) {
      if (deniesActive(wanted, slots)) {
        state = 'reverted';
        reason = 'it was active and runs another bundle now';
      } else if (
        row.imageDigest &&
        images[0]?.state === 'active' &&
        runsAnother(images[0].digest, row.imageDigest)
      ) {
        state = 'reverted';
        reason = 'it was active and runs other firmware now';
      }
    }
  }
  if (!heard && state === row.state && component === row.component) return undefined;
  const { projectId, rolloutId, deviceId } = row;
  return {
    row,
    projectId,
    rolloutId,
    deviceId,
    state,
    offset,
    error,
    detail,
    selfTest,
    reason,
    fallsBack,
    component,
  };
}

const noWayBack = 'its model is back, its firmware is not: no release leads to the image that it ran before';

const wantedOf = ({ imageDigest, digest }: DeploymentRow, component: DeploymentRow['component']): Buffer =>
  component === 'firmware' && imageDigest !== null ? imageDigest : digest;

const runsAnother = (named: Uint8Array | undefined, wanted: Buffer): boolean =>
  named !== undefined && !wanted.equals(named);
