/** Parts of samples, stored in the transaction of their batch and put together when the last one is there. */
import type { SampleReport } from '@tinyfleet/telemetry';
import { uuidv7 } from 'uuidv7';
import type { Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';

export async function storeSamples(tx: Tx, samples: readonly SampleReport[]): Promise<void> {
  const of = <T>(value: (one: SampleReport) => T): T[] => samples.map(value);
  const devices = [of(({ device }) => device.projectId), of(({ device }) => device.deviceId)];
  const inference = [
    of(({ message }) => BigInt.asIntN(64, message.bootId).toString()),
    of(({ message }) => message.index),
  ];
  await tx.query(namedQuery('telemetry/begin-samples'), [
    ...devices,
    of(() => uuidv7()),
    ...inference,
    of(({ message }) => Buffer.from(message.build)),
    of(({ message }) => message.ask),
    of(({ message }) => message.bytes),
    of(({ message }) => (message.encoding === 'int16-le' ? 1 : 0)),
    of(({ message }) => message.predicted ?? null),
    of(({ message }) => message.confidence ?? null),
    of(({ receivedAtMs }) => new Date(receivedAtMs)),
  ]);
  await tx.query(namedQuery('telemetry/insert-sample-parts'), [
    ...devices,
    ...inference,
    of(({ message }) => message.offset),
    of(({ message }) => Buffer.from(message.data)),
  ]);
  await tx.query(namedQuery('telemetry/complete-samples'), [...devices, ...inference]);
}
