/** Who is woken by what is committed. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { startTestDatabase, type TestDatabase } from '../../test/test-database.js';
import { EventListener } from './listener.js';
import { Outbox } from './telemetry/outbox.js';

describe('EventListener', () => {
  let test: TestDatabase;
  let listener: EventListener;
  const projectId = randomUUID();
  beforeAll(async () => {
    test = await startTestDatabase();
    await test.database.query(`insert into project (id, name) values ($1, 'p')`, [projectId]);
    listener = new EventListener(test.database, 3_600_000);
    await listener.start();
  });
  afterAll(async () => {
    await listener.stop();
    await test.stop();
  });

  it('should wake nobody by events alone that do not concern him', async () => {
    const all: (string | undefined)[] = [];
    const few: (string | undefined)[] = [];
    const stops = [
      listener.subscribe((id) => all.push(id)),
      listener.subscribe((id) => few.push(id), ['telemetry.committed']),
    ];
    const commit = async (...names: ('telemetry.committed' | 'device.reported')[]) => {
      const outbox = new Outbox();
      for (const name of names)
        if (name === 'device.reported') outbox.add(projectId, name, { devices: ['d'] });
        else outbox.add(projectId, name, { windows: 1, devices: 1, inferences: 1 });
      await test.database.transaction(async (tx) => await outbox.write(tx));
    };
    await commit('telemetry.committed');
    await eventually(() => expect(all).toEqual([projectId]));
    await commit('telemetry.committed', 'device.reported');
    await eventually(() => expect(all).toEqual([projectId, projectId]));
    expect(few).toEqual([projectId]);
    // Other writers do not say what happened.
    await test.database.query(`select emit_event($1, 'group.changed', '{"group":"g"}')`, [projectId]);
    await eventually(() => expect(few).toEqual([projectId, projectId]));
    for (const stop of stops) stop();
  });
});
