/** Telemetry of devices that are not ours: JSON as documented, and what Nordic's library encodes. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWith, eventually, toolPath, workspaceRoot } from '@tinyfleet/testing';
import { PgStores } from '@tinyfleet/storage';
import { nrfBuildPrefix } from '@tinyfleet/telemetry';
import { encode } from 'cborg';
import { FleetHarness } from '../../../test/fleet-harness.js';
import { ScriptedDevice } from '../../../test/scripted-device.js';

let fleet: FleetHarness;
let tokens: Map<string, string>;

beforeAll(async () => {
  fleet = await FleetHarness.start();
  tokens = await fleet.register(['json', 'nordic']);
  await fleet.startEdge();
});
afterAll(async () => {
  await fleet?.stop();
  expect(fleet.errors).toEqual([]);
});

const windowsOf = (name: string) =>
  fleet.database.query<{ n: number; switches: number; age: number; known: boolean }>(
    `select w.n, w.switches, w.time_known as known, extract(epoch from now() - w.window_start)::float8 as age
     from telemetry_window w join device d on d.id = w.device_id where d.name = $1`,
    [name],
  );

describeWith(['mosquitto_pub'], 'a gateway that speaks JSON', () => {
  it('should have the documented example stored', async () => {
    const page = await readFile(join(workspaceRoot, 'docs/telemetry-sources.md'), 'utf8');
    const example = /```json\n([\s\S]*?)```/.exec(page)![1]!;
    const id = 'demo/json';
    await promisify(execFile)(toolPath('mosquitto_pub'), [
      ...['-h', '127.0.0.1', '-p', String(fleet.port), '-q', '1', '-i', id, '-u', id],
      ...['-P', tokens.get('json')!, '-t', 'fleet/1/demo/json/up/telemetry.json', '-m', example],
    ]);
    await eventually(async () => expect(await windowsOf('json')).toMatchObject([{ n: 10, switches: 3 }]));
  });
});

describe('a device with the nRF Edge AI observability library', () => {
  it('should have its payload stored once, at the time it came, and summed under the model that it names', async () => {
    const [known, other] = [await fleet.release(1_000), await fleet.release(1_000)];
    const { models } = new PgStores(fleet.database);
    const nameBuild = async (ref: string, deviceType = 'wasm') => {
      const [model, version] = ref.split('@') as [string, string];
      const prefix = Buffer.from(nrfBuildPrefix(7, 2));
      return await models.nameBuild(fleet.scope, { model, version }, { prefix, deviceType, classes: 2 });
    };
    await expect(nameBuild(known.ref, 'nobody')).rejects.toMatchObject({ code: 'registry.type-not-found' });
    const named = { release: known.ref, deviceType: 'wasm', classes: 2 };
    expect(await nameBuild(known.ref)).toEqual({ ...named, isNew: true });
    expect(await nameBuild(known.ref)).toEqual({ ...named, isNew: false });
    // For good: its windows are counted there.
    expect(await nameBuild(other.ref)).toEqual({ ...named, isNew: false });
    const payload = encode([
      {
        format_version: 2,
        num_inferences: 6,
        num_features: 0,
        model: { id: 7, num_classes: 2, num_features: 0, version: 2 },
        metrics: [
          {
            id: 2,
            v: 1,
            d: [
              [3, 0],
              [1, 1],
            ],
          },
          { id: 4, v: 1, d: [[1, 5]] },
          { id: 5, v: 1, d: [[4, 1, 1, 0]] },
        ],
      },
    ]);
    const device = await ScriptedDevice.connect({
      port: fleet.port,
      name: 'nordic',
      token: tokens.get('nordic')!,
    });
    await device.publish('telemetry.nrf', payload);
    await device.publish('telemetry.nrf', payload);
    const [window, ...more] = await windowsOf('nordic');
    expect(more).toEqual([]);
    expect(window).toMatchObject({ n: 6, switches: 1, known: true });
    expect(Math.abs(window!.age)).toBeLessThan(600);
    await eventually(async () =>
      expect(
        await fleet.database.query(
          `select m.name || '@' || v.version as release, n::int, classes::int[], feature_counts[1:4]::int[] as entropy
           from rollup_hour r join model_version v on v.id = r.model_version_id join model m on m.id = v.model_id`,
        ),
      ).toEqual([{ release: known.ref, n: 6, classes: [4, 2], entropy: [4, 1, 1, 0] }]),
    );
    await device.publish('telemetry.nrf', payload.slice(0, 20));
    const refused = `select code from ingest_refusal where code like 'telemetry.observability%'`;
    await eventually(async () =>
      expect(await fleet.database.query(refused)).toEqual([{ code: 'telemetry.observability-invalid' }]),
    );
    device.client.end(true);
  });
});
