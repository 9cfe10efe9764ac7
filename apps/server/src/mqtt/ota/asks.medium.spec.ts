import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HandoverService, signHandover } from '@tinyfleet/releases';
import { transactOn } from '@tinyfleet/storage';
import { eventually } from '@tinyfleet/testing';
import {
  crc32,
  encode,
  encodeCaptureRule,
  encodeNewEdges,
  publicKeyFromRaw,
  rawPublicKey,
  type Ask,
  type Hello,
} from '@tinyfleet/wire';
import { FleetHarness } from '../../../test/fleet-harness.js';
import { ScriptedDevice, type ScriptedOptions } from '../../../test/scripted-device.js';

const patience = { timeoutMs: 10_000 };
type Request = Parameters<FleetHarness['commands']['send']>[3];

describe('asks on Postgres', () => {
  let fleet: FleetHarness;
  const tokens = new Map<string, string>();
  const devices: ScriptedDevice[] = [];
  let counter = 0;

  beforeAll(async () => {
    fleet = await FleetHarness.start();
    await fleet.database.query('insert into sample_settings values ($1, true, 1, 1000000)', [
      fleet.projectId,
    ]);
    await fleet.startEdge();
    fleet.startConducting();
  });
  afterEach(() => {
    for (const device of devices.splice(0)) device.end();
  });
  afterAll(async () => {
    await fleet?.stop();
    expect(fleet.errors).toEqual([]);
  });

  async function register(tag = 'demo'): Promise<string> {
    const name = `d-${++counter}`;
    tokens.set(name, (await fleet.register([name], [tag])).get(name)!);
    return name;
  }
  async function connect(name: string, options: Partial<ScriptedOptions> = {}): Promise<ScriptedDevice> {
    const device = await ScriptedDevice.connect({
      port: fleet.port,
      name,
      token: tokens.get(name)!,
      ...options,
    });
    devices.push(device);
    return device;
  }
  /** Connected, greeted, its key kept. */
  async function ready(options: Partial<ScriptedOptions> = {}): Promise<[string, ScriptedDevice]> {
    const name = await register();
    const device = await connect(name, options);
    await eventually(async () => expect(await hasKey(name)).toBe(true), patience);
    await device.hello();
    await device.nextDesired();
    return [name, device];
  }
  const hasKey = async (name: string) =>
    (
      await fleet.database.query<{ known: boolean }>(
        'select sealed_key is not null as known from device_credential c join device d on d.id = c.device_id where name = $1',
        [name],
      )
    )[0]!.known;
  const send = (name: string, command: Request['command'], rest: Partial<Request> = {}) =>
    fleet.commands.send('person:t', fleet.scope, name, { command, expiresInSeconds: 60, ...rest });
  const states = async (name: string) =>
    (await fleet.stores.commands.list(fleet.scope, name, { limit: 50 })).items
      .map(({ command, state }) => `${command} ${state}`)
      .reverse();

  it('should send a command to a connected device, signed for it alone, and see that it took it', async () => {
    const [name, device] = await ready();
    await send(name, 'erase', { argument: 1 });
    await eventually(async () => expect(await states(name)).toEqual(['erase taken']), patience);
    expect(device.asks).toMatchObject([{ command: 'erase', argument: 1, counter: 1 }]);
    const { items } = await fleet.stores.audit.list(fleet.scope, { limit: 5 });
    expect(items[0]).toMatchObject({ actor: 'person:t', action: 'device.asked', subject: name });
    const events = await fleet.stores.eventReader.after(fleet.scope, 0, 10_000);
    const told = events.flatMap((event) => (event.name === 'command.changed' ? [event.data.state] : []));
    expect(told.slice(-3)).toEqual(['queued', 'sent', 'taken']);
  });

  it('should keep commands for a device that is away, and give them one by one in order', async () => {
    const name = await register();
    await send(name, 'shadow', { argument: 4 });
    await send(name, 'set-edges', { data: Buffer.from('edges').toString('base64') });
    await send(name, 'reboot');
    expect(await states(name)).toEqual(['shadow queued', 'set-edges queued', 'reboot queued']);
    const device = await connect(name);
    await eventually(async () => expect(await hasKey(name)).toBe(true), patience);
    await device.hello();
    await eventually(
      async () => expect(await states(name)).toEqual(['shadow taken', 'set-edges taken', 'reboot taken']),
      patience,
    );
    expect(device.asks.map(({ command }) => command)).toEqual(['shadow', 'set-edges', 'reboot']);
    expect(device.refusedAsks).toBe(0);
  });

  it('should lie above the counter that the device tells, whatever it was', async () => {
    const name = await register();
    const device = await connect(name);
    device.askCounter = 70_000;
    await eventually(async () => expect(await hasKey(name)).toBe(true), patience);
    await device.hello();
    await device.nextDesired();
    await send(name, 'reboot');
    await eventually(async () => expect(await states(name)).toEqual(['reboot taken']), patience);
    expect(device.asks[0]!.counter).toBe(70_001);
  });

  it('should call a command refused when the device counts a refusal', async () => {
    const [name, device] = await ready();
    device.onAsk = () => {
      throw new Error('its active slot');
    };
    await send(name, 'erase', { argument: 0 });
    await eventually(async () => expect(await states(name)).toEqual(['erase refused']), patience);
  });

  it('should send a command again that was lost with its connection, and no taken one twice', async () => {
    const [name, device] = await ready();
    // The connection ends while the device works on it: nothing tells whether it was taken.
    let asked = 0;
    device.onAsk = (): Promise<void> => {
      asked++;
      device.end();
      return new Promise(() => {});
    };
    await send(name, 'revert');
    await eventually(async () => expect(asked).toBe(1), patience);
    expect(await states(name)).toEqual(['revert sent']);
    const again = await connect(name);
    await again.hello();
    await eventually(async () => expect(await states(name)).toEqual(['revert taken']), patience);
    expect(again.asks).toHaveLength(1);
    await again.hello();
    await again.hello();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(again.asks).toHaveLength(1);
  });

  describe('what a device is to keep', () => {
    const rule = encodeCaptureRule({ bytes: 8 });
    const capture = { data: Buffer.from(rule).toString('base64') };
    /** The next connection of this device; a boot of its own unless `boot` is given. */
    const returns = async (name: string, hello: Partial<Hello>) => {
      const device = await connect(name);
      await device.hello(hello);
      await device.nextDesired();
      return device;
    };

    it('should be asked again after a boot, until another of its kind takes its place', async () => {
      const [name] = await ready();
      await send(name, 'set-cadence', { argument: 500 });
      await send(name, 'capture', capture);
      await eventually(
        async () => expect(await states(name)).toEqual(['set-cadence taken', 'capture taken']),
        patience,
      );
      // It has both: nothing is asked.
      const has = await returns(name, { settings: { 4: 500, 11: crc32(rule) }, askCounter: 100 });
      await send(name, 'say-hello');
      await eventually(async () => expect((await states(name)).at(-1)).toBe('say-hello taken'), patience);
      expect(has.asks.map(({ command }) => command)).toEqual(['say-hello']);
      const has4 = await returns(name, { settings: { 4: 500 }, askCounter: 200 });
      await eventually(async () => expect(has4.asks).toHaveLength(1), patience);
      expect(has4.asks[0]).toMatchObject({ command: 'capture', data: rule, counter: 201 });
      await eventually(async () => expect((await states(name))[1]).toBe('capture taken'), patience);
      // Taken back: a device that says nothing of captures has what is wanted.
      await send(name, 'capture', {
        data: Buffer.from(encodeCaptureRule({ bytes: 0 })).toString('base64'),
      });
      await eventually(async () => expect((await states(name)).at(-1)).toBe('capture taken'), patience);
      const kept = (await fleet.stores.commands.list(fleet.scope, name, { limit: 50 })).items;
      expect(kept.map(({ command, isKept }) => `${command} ${isKept}`)).toEqual([
        'capture true',
        'say-hello false',
        'capture false',
        'set-cadence true',
      ]);
      const booted = await returns(name, { settings: {}, askCounter: 300 });
      await eventually(async () => expect(booted.asks).toHaveLength(1), patience);
      expect(booted.asks[0]).toMatchObject({ command: 'set-cadence', argument: 500 });
    });

    it('should be asked again although it had expired, and not of a firmware that does not say what it has', async () => {
      const [name] = await ready();
      await send(name, 'set-cadence', { argument: 700 });
      await eventually(async () => expect(await states(name)).toEqual(['set-cadence taken']), patience);
      await fleet.database.query(
        `update device_command c set state = 'expired', expires_at = now() from device d where d.id = c.device_id and d.name = $1`,
        [name],
      );
      const old = await returns(name, { askCounter: 10 });
      await old.hello({ askCounter: 10 });
      const device = await returns(name, { settings: {}, askCounter: 20 });
      await eventually(async () => expect(await states(name)).toEqual(['set-cadence taken']), patience);
      expect(old.asks).toEqual([]);
      expect(device.asks).toHaveLength(1);
    });

    it('should not be asked again in the boot that refused it', async () => {
      const [name, device] = await ready();
      device.onAsk = () => {
        throw new Error('no such monitor');
      };
      await send(name, 'capture', capture);
      await eventually(async () => expect(await states(name)).toEqual(['capture refused']), patience);
      const [row] = await fleet.database.query<{ boot: string }>(
        'select sent_boot_id as boot from device_command c join device d on d.id = c.device_id where d.name = $1',
        [name],
      );
      const boot = BigInt.asUintN(64, BigInt(row!.boot));
      const same = await returns(name, { settings: {}, bootId: boot, askCounter: 10 });
      const next = await returns(name, { settings: {}, bootId: boot + 1n, askCounter: 20 });
      await eventually(async () => expect(await states(name)).toEqual(['capture taken']), patience);
      expect(same.asks).toEqual([]);
      expect(next.asks).toHaveLength(1);
    });

    it('should be asked once a connection, and of the build that it is for', async () => {
      const [name] = await ready();
      const build = new Uint8Array(8).fill(7);
      const edges = encodeNewEdges(build, [{ index: 1, centre: 0, edges: [0] }]);
      await send(name, 'set-edges', { data: Buffer.from(edges).toString('base64') });
      await eventually(async () => expect(await states(name)).toEqual(['set-edges taken']), patience);
      const running = (digest: number) => ({
        slots: [
          { digest: new Uint8Array(32).fill(digest), state: 'active' as const, releaseSequence: 2, bytes: 9 },
        ],
      });
      const other = await returns(name, { settings: {}, ...running(8), askCounter: 10 });
      await other.hello({ settings: {}, ...running(8), askCounter: 10 });
      // It says that it has taken it and never that it has it.
      const device = await returns(name, { settings: {}, ...running(7), askCounter: 20 });
      await eventually(async () => expect(device.asks).toHaveLength(1), patience);
      await device.hello({ settings: {}, ...running(7) });
      await eventually(async () => expect(await states(name)).toEqual(['set-edges taken']), patience);
      expect(other.asks).toEqual([]);
      expect(device.asks).toHaveLength(1);
    });
  });

  it('should let a command expire that nobody took', async () => {
    const name = await register();
    await send(name, 'reboot', { expiresInSeconds: 10 });
    await fleet.database.query(`update device_command set expires_at = now() where state = 'queued'`);
    expect(await states(name)).toEqual(['reboot expired']);
    const device = await connect(name);
    await eventually(async () => expect(await hasKey(name)).toBe(true), patience);
    await device.hello();
    await eventually(async () => {
      const rows = await fleet.database.query(
        `select c.state from device_command c join device d on d.id = c.device_id where d.name = $1`,
        [name],
      );
      expect(rows).toEqual([{ state: 'expired' }]);
    }, patience);
    expect(device.asks).toEqual([]);
  });

  it.each<[string, Request['command'], Partial<Request>]>([
    ['a reboot with an argument', 'reboot', { argument: 1 }],
    ['erase without a slot', 'erase', {}],
    ['a slot above 3', 'erase', { argument: 4 }],
    ['no cadence', 'set-cadence', {}],
    ['a cadence above a day', 'set-cadence', { argument: 86_400_001 }],
    ['too many samples', 'send-samples', { argument: 65_536 }],
    ['edges without data', 'set-edges', {}],
    ['1,025 bytes of data', 'set-edges', { data: Buffer.alloc(1_025).toString('base64') }],
    ['data where none belongs', 'reboot', { data: 'AAAA' }],
  ])('should refuse %s', async (_what, command, rest) => {
    const name = await register();
    await expect(send(name, command, rest)).rejects.toMatchObject({ code: 'registry.command-invalid' });
    expect(await states(name)).toEqual([]);
  });

  it.each<[Request['command'], Partial<Request>]>([
    ['erase', { argument: 3 }],
    ['set-cadence', { argument: 0 }],
    ['set-cadence', { argument: 86_400_000 }],
    ['send-samples', { argument: 65_535 }],
    ['set-edges', { data: Buffer.alloc(1_024, 1).toString('base64') }],
  ])('should take %s at its limit', async (command, rest) => {
    const name = await register();
    expect(await send(name, command, rest)).toMatchObject({ command, state: 'queued' });
  });

  it('should let 32 commands wait for a device and no more', async () => {
    const name = await register();
    for (let i = 0; i < 32; i++) await send(name, 'say-hello');
    await expect(send(name, 'say-hello')).rejects.toMatchObject({ code: 'registry.commands-too-many' });
    await expect(send('nobody', 'say-hello')).rejects.toMatchObject({ code: 'registry.device-not-found' });
  });

  it('should acknowledge samples and count them, and refuse what is larger than allowed', async () => {
    const [, device] = await ready();
    const before = fleet.edge.ingest.counters.samples;
    const sample = (n: number) =>
      encode('sample', {
        ...device.envelope(),
        build: new Uint8Array(8),
        index: 1,
        ask: 0,
        offset: 0,
        bytes: n,
        data: new Uint8Array(n),
      });
    await device.publish('sample', sample(980));
    expect(fleet.edge.ingest.counters.samples).toBe(before + 1);
    // 8,192 bytes with the envelope.
    const largest = 8_192 - (sample(4_096).length - 4_096);
    await device.publish('sample', sample(largest));
    expect(fleet.edge.ingest.counters.samples).toBe(before + 2);
    await device.publish('sample', sample(largest + 1));
    expect(fleet.edge.ingest.counters.samples).toBe(before + 2);
    expect(fleet.edge.ingest.counters.refused.get('wire.too-large')).toBe(1);
  });

  describe('another signing key', () => {
    const rollOut = async (release: string, filter: string) => {
      const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
        release,
        filter,
        steps: [100],
        maxFailurePercent: 0,
        deviceTimeoutSeconds: 600,
      });
      await eventually(
        async () =>
          expect(await fleet.stores.rollouts.get(fleet.scope, number)).toMatchObject({ state: 'succeeded' }),
        { timeoutMs: 20_000 },
      );
    };
    const byState = async (state: string) =>
      (await fleet.keys.list(fleet.scope)).find((key) => key.state === state)!;
    const raw = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
    const same = (a: Uint8Array, hex: string) => Buffer.from(a).toString('hex') === hex;

    it('should reach every device, then sign releases, and leave nobody behind', async () => {
      await fleet.keys.ensure('test', fleet.scope);
      const first = await byState('active');
      const old = await fleet.release(4_000, {}, { sign: true });
      const names = await Promise.all(Array.from({ length: 5 }, () => register('rotating')));
      const rings = names.map((): { current: Uint8Array; next?: Uint8Array } => ({
        current: raw(first.publicKeyHex),
      }));
      const join = async (i: number): Promise<ScriptedDevice> => {
        const device = await connect(names[i]!, { keys: rings[i]! });
        await device.hello();
        return device;
      };
      // The last one is away for the whole rotation.
      const present = await Promise.all([0, 1, 2, 3].map(join));
      await eventually(async () => expect((await byState('active')).devices.current).toBe(4), patience);

      const next = await fleet.rotation.rotate('person:t', fleet.scope);
      expect(next).toMatchObject({ state: 'next', sequence: 2 });
      await expect(fleet.rotation.rotate('person:t', fleet.scope)).rejects.toMatchObject({
        code: 'releases.rotation-open',
      });
      await eventually(async () => expect((await byState('next')).devices.next).toBe(4), patience);
      for (const device of present)
        expect(device.asks.map(({ command }: Ask) => command)).toEqual(['rotate-key']);
      expect(rings.map(({ next: key }) => key !== undefined && same(key, next.publicKeyHex))).toEqual([
        true,
        true,
        true,
        true,
        false,
      ]);

      const active = await fleet.rotation.activate('person:t', fleet.scope, {
        keyId: next.keyId,
        force: false,
      });
      expect(active.state).toBe('active');
      const release = await fleet.release(5_000, {}, { sign: true });
      const started = rollOut(release.ref, 'tag = "rotating"');
      await eventually(
        () => expect(present.every((device) => device.active?.equals(release.bytes))).toBe(true),
        patience,
      );
      // The one that was away trusts the old key only: it is told of the new one first.
      const late = await join(4);
      await started;
      expect(late.active?.equals(release.bytes)).toBe(true);
      expect(rings.every(({ current, next: key }) => same(current, next.publicKeyHex) && !key)).toBe(true);

      // Releases from before were signed again, so the way back stays open.
      await rollOut(old.ref, 'tag = "rotating"');
      for (const device of [...present, late]) expect(device.active?.equals(old.bytes)).toBe(true);
      expect(publicKeyFromRaw(raw(active.publicKeyHex)).asymmetricKeyType).toBe('ed25519');
      expect(rawPublicKey((await fleet.keys.signer(fleet.scope)).privateKey)).toEqual(raw(next.publicKeyHex));
    }, 60_000);

    it('should leave no release signed by the old key only when both happen at once', async () => {
      await fleet.keys.ensure('test', fleet.scope);
      const next = await fleet.rotation.rotate('person:t', fleet.scope);
      const drafts: string[] = [];
      for (let i = 0; i < 12; i++) drafts.push((await fleet.release(2_000, {}, { draft: true })).ref);
      const force = { keyId: next.keyId, force: true };
      await Promise.all([
        ...drafts.slice(0, 6).map((ref) => fleet.releases.sign('test', fleet.scope, ref)),
        fleet.rotation.activate('person:t', fleet.scope, force),
        ...drafts.slice(6).map((ref) => fleet.releases.sign('test', fleet.scope, ref)),
      ]);
      const [row] = await fleet.database.query<{ count: number }>(
        `select count(*)::int as count from release r where r.signed_at is not null and r.key_id is not null
           and r.key_id <> (select id from signing_key where state = 'active')
           and not exists (select from release_manifest rm where rm.release_id = r.id
             and rm.key_id = (select id from signing_key where state = 'active'))`,
      );
      expect(row!.count).toBe(0);
    });

    it('should not sign with a key that devices do not hold, unless told to', async () => {
      const name = await register('stubborn');
      const device = await connect(name, { keys: { current: raw((await byState('active')).publicKeyHex) } });
      device.onAsk = () => {
        throw new Error('no');
      };
      await device.hello();
      await device.nextDesired();
      const next = await fleet.rotation.rotate('person:t', fleet.scope);
      await eventually(() => expect(device.refusedAsks).toBeGreaterThan(0), patience);
      // Told twice per connection and not for ever.
      await device.hello();
      await device.hello();
      await eventually(() => expect(device.refusedAsks).toBe(2), patience);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(device.refusedAsks).toBe(2);
      const activate = (force: boolean) =>
        fleet.rotation.activate('person:t', fleet.scope, { keyId: next.keyId, force });
      await expect(activate(false)).rejects.toMatchObject({ code: 'releases.key-not-spread' });
      expect(await activate(true)).toMatchObject({ state: 'active', sequence: 4 });
      await expect(activate(true)).rejects.toMatchObject({ code: 'releases.key-not-next' });
      // It trusts no key that signed this: it is offered nothing.
      const release = await fleet.release(3_000, {}, { sign: true });
      const { number } = await fleet.rollouts.start('person:t', fleet.scope, {
        release: release.ref,
        filter: 'tag = "stubborn"',
        steps: [100],
        maxFailurePercent: 0,
        deviceTimeoutSeconds: 600,
      });
      await eventually(() => expect(device.desired.length).toBeGreaterThan(4), patience);
      expect(device.desired.every(({ manifest }) => manifest === undefined)).toBe(true);
      await fleet.operator.abort('person:t', fleet.scope, number);
    }, 30_000);

    it('should be told of by a key that is kept elsewhere, device by device', async () => {
      const elsewhere = generateKeyPairSync('ed25519');
      const publicHex = Buffer.from(rawPublicKey(elsewhere.publicKey)).toString('hex');
      const own = await fleet.rotation.rotate('person:t', fleet.scope, publicHex);
      await fleet.rotation.activate('person:t', fleet.scope, { keyId: own.keyId, force: true });
      const name = await register('outside');
      const ring: { current: Uint8Array; next?: Uint8Array } = { current: raw(publicHex) };
      const device = await connect(name, { keys: ring });
      await device.hello();
      await device.nextDesired();

      const next = await fleet.rotation.rotate('person:t', fleet.scope);
      const handover = new HandoverService(fleet.stores, transactOn(fleet.database));
      const waiting = async () => (await handover.list(fleet.scope, next.keyId, { limit: 10 })).items;
      await eventually(
        async () => expect(await waiting()).toMatchObject([{ device: name, by: own.keyId }]),
        patience,
      );
      const request = { project: 'demo', next, devices: await waiting() };
      const signed = signHandover(request, elsewhere.privateKey);
      const [ask] = signed.asks;
      const accept = (asks: typeof signed.asks, by = own.keyId) =>
        handover.accept('person:t', fleet.scope, next.keyId, { by, asks });
      const stranger = generateKeyPairSync('ed25519').privateKey;
      expect(() => signHandover(request, stranger)).toThrow(
        expect.objectContaining({ code: 'releases.key-other' }),
      );
      // To another device, about another key, or damaged: none of them is stored.
      const otherKey = { ...own, sequence: next.sequence };
      // The id of one key over another one: not signed.
      expect(() =>
        signHandover({ ...request, next: { ...next, publicKeyHex: own.publicKeyHex } }, elsewhere.privateKey),
      ).toThrow(expect.objectContaining({ code: 'releases.handover-invalid' }));
      for (const asks of [
        [{ ...ask!, device: 'somebody-else' }],
        signHandover({ ...request, next: otherKey }, elsewhere.privateKey).asks,
        [ask!, { ...ask!, askHex: 'a0' }],
      ])
        await expect(accept(asks)).rejects.toMatchObject({ code: 'releases.signature-invalid' });
      await expect(accept(signed.asks, next.keyId)).rejects.toMatchObject({ code: 'releases.key-unknown' });
      const withCounter = (counter: number) =>
        signHandover(
          { ...request, devices: request.devices.map((one) => ({ ...one, counter })) },
          elsewhere.privateKey,
        );
      const most = request.devices[0]!.counter + 1_000;
      for (const counter of [most + 1, 2 ** 32 - 1])
        await expect(accept(withCounter(counter).asks)).rejects.toMatchObject({
          code: 'releases.handover-counter',
          data: { device: name, counter, limit: most },
        });
      expect(ring.next).toBeUndefined();

      const later = withCounter(most);
      expect(await accept([...signed.asks, ...later.asks])).toEqual({ devices: 1 });
      await eventually(() => expect(ring.next && same(ring.next, next.publicKeyHex)).toBe(true), patience);
      await eventually(async () => expect(await waiting()).toEqual([]), patience);
      expect(device.refusedAsks).toBe(0);
      const active = await fleet.rotation.activate('person:t', fleet.scope, {
        keyId: next.keyId,
        force: true,
      });
      expect(active.held).toBe(true);
    });
  });
});
