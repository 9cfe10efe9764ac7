// Child of the ingest and fleet benches: a fleet of raw MQTT connections, as fast as it is acknowledged (`closed`), at a fixed
// pace (`paced`), or until the server dies (`surge`, then `settle` on the next one).
import { Connection } from './connection.mjs';
import { Latencies } from './latencies.mjs';

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const DRAIN_LIMIT_MS = 120_000;
/** Of a surge and its settling, which share what is not acknowledged. */
let surging = [];

async function fleetOf(task) {
  const template = Buffer.from(task.payload, 'base64');
  const { sequenceAt, firstSequence } = task;
  const fleet = task.tokens.map(
    (token, index) => new Connection({ index, token, template, sequenceAt, firstSequence }),
  );
  await openAll(fleet, task.port);
  return fleet;
}

/** A reconnecting fleet: so many at a time. */
async function openAll(fleet, port, atOnce = 200) {
  for (let i = 0; i < fleet.length; i += atOnce)
    await Promise.all(fleet.slice(i, i + atOnce).map((one) => one.open(port)));
}

const sum = (fleet, of) => fleet.reduce((total, one) => total + of(one), 0);

/** @param {{ port, tokens, payload, sequenceAt, firstSequence, inFlight: number, warmupS: number, seconds: number }} task */
async function closed(task) {
  const fleet = await fleetOf(task);
  const latencies = new Latencies();
  for (const one of fleet) {
    one.reply = () => one.make();
    one.socket.write(Buffer.concat(Array.from({ length: task.inFlight }, () => one.make())));
  }
  await after(task.warmupS * 1_000);
  for (const one of fleet) one.onAcknowledged = (ms) => latencies.add(ms);
  const [before, started] = [sum(fleet, ({ acknowledged }) => acknowledged), performance.now()];
  await after(task.seconds * 1_000);
  const counted = sum(fleet, ({ acknowledged }) => acknowledged) - before;
  const perSecond = (counted * 1_000) / (performance.now() - started);
  await drain(fleet);
  return { perSecond, ...latencies.summary(), ...totals(fleet) };
}

/**
 * Open loop: a message is due whatever became of the one before, and its wait counts from when it was due.
 * @param {{ port, tokens, payload, sequenceAt, firstSequence, perSecond: number, warmupS: number, seconds: number }} task
 */
async function paced(task) {
  const fleet = await fleetOf(task);
  const latencies = new Latencies();
  const started = performance.now();
  const measuredFrom = started + task.warmupS * 1_000;
  const end = measuredFrom + task.seconds * 1_000;
  for (const one of fleet)
    one.onAcknowledged = (ms) => {
      if (performance.now() >= measuredFrom) latencies.add(ms);
    };
  let sent = 0;
  while (performance.now() < end) {
    const due = Math.floor(((performance.now() - started) * task.perSecond) / 1_000);
    for (; sent < due; sent++) {
      const one = fleet[sent % fleet.length];
      one.socket.write(one.make(started + (sent * 1_000) / task.perSecond));
    }
    await after(1);
  }
  await drain(fleet);
  return { perSecond: (sent * 1_000) / (end - started), ...latencies.summary(), ...totals(fleet) };
}

async function drain(fleet) {
  for (const one of fleet) one.reply = undefined;
  const deadline = performance.now() + DRAIN_LIMIT_MS;
  while (fleet.some(({ pending }) => pending.size > 0)) {
    if (performance.now() > deadline)
      throw new Error(`${sum(fleet, ({ pending }) => pending.size)} messages were never acknowledged`);
    if (fleet.some(({ socket }) => socket.destroyed)) throw new Error('a connection was closed');
    await after(5);
  }
  for (const one of fleet) one.close();
}

const totals = (fleet) => ({
  acknowledged: sum(fleet, ({ acknowledged }) => acknowledged),
  lastSequence: Math.max(...fleet.map(({ next }) => next - 1)),
});

/** Full load until the server is gone. @returns of each device what it sent, and what was not acknowledged */
async function surge(task) {
  if (surging.length === 0) surging = await fleetOf(task);
  for (const one of surging) {
    one.socket.on('error', () => {});
    one.reply = () => one.make();
    one.socket.write(Buffer.concat(Array.from({ length: task.inFlight }, () => one.make())));
  }
  // Under way, not still starting.
  const before = sum(surging, ({ acknowledged }) => acknowledged);
  while (sum(surging, ({ acknowledged }) => acknowledged) < before + surging.length) await after(10);
  process.send({ event: 'surging' });
  await Promise.all(surging.map(({ ended }) => ended));
  for (const one of surging) one.reply = undefined;
  return { devices: surging.map(({ next, pending }) => ({ next, pending: [...pending.keys()] })) };
}

/** Connects to the next server and sends again what was not acknowledged, until it is. */
async function settle({ port }) {
  await openAll(surging, port);
  for (const one of surging) one.repeat();
  while (surging.some(({ pending }) => pending.size > 0)) await after(10);
  return totals(surging);
}

process.once('disconnect', () => process.exit(1));
const commands = { closed, paced, surge, settle };
process.on('message', (task) => {
  if (task.command === 'stop') process.exit(0);
  commands[task.command](task).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.message }),
  );
});
