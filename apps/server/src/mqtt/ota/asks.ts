/**
 * Asks devices: at every hello, and when a command is queued for one that is connected. Each ask is signed and followed by
 * a say-hello, whose hello tells what became of it (docs/spec/wire.md, Commands). Another signing key goes out the same
 * way, ahead of commands, until a hello shows that the device holds it. Keeps nothing that a restart could lose.
 */
import type { AskSource, DeviceKeySealer, DueAsk } from '@tinyfleet/registry';
import { openSigningKey, type Sealer } from '@tinyfleet/releases';
import { encode, encodeNextKey, macAsk, signAsk, type AskContent, type Command } from '@tinyfleet/wire';
import type { KeyObject } from 'node:crypto';
import type { DeviceSession } from '../broker/session.js';

export interface AskOptions {
  /** Questions of a reconnecting fleet are joined for this long. */
  readonly gatherMs: number;
  /** Devices asked in one go; the rest waits `gatherMs` each time. Bounds the rate of a key rotation: 20,000 in 2.5 s. */
  readonly perTurn: number;
  /** A device is told of a new key so often per connection. One that cannot take it is left alone then. */
  readonly maxRotationsPerSession: number;
  /** Asked again after this time when the database is away. */
  readonly retryMs: number;
}
export const askDefaults: AskOptions = {
  gatherMs: 25,
  perTurn: 200,
  maxRotationsPerSession: 2,
  retryMs: 1_000,
};

export interface AskCounters {
  /** `down/ask` sent, without the hellos asked for behind them. */
  asks: number;
  rotations: number;
  failures: number;
}

interface Known {
  /** It has said hello in this connection. */
  greeted: boolean;
  rotations: number;
  /** Told of a new key, and not heard since. */
  rotating: boolean;
}

export class Asks {
  readonly counters: AskCounters = { asks: 0, rotations: 0, failures: 0 };
  private readonly known = new WeakMap<DeviceSession, Known>();
  /** Whether it is the first question of the connection. */
  private waiting = new Map<DeviceSession, boolean>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private stopped = false;
  private readonly signers = new Map<string, KeyObject>();

  constructor(
    private readonly source: AskSource,
    private readonly keys: DeviceKeySealer,
    private readonly sealer: Pick<Sealer, 'open'>,
    private readonly options: AskOptions = askDefaults,
  ) {}

  /** Called after the hello is committed. */
  greet(session: DeviceSession): void {
    const isNew = !this.known.get(session)?.greeted;
    Object.assign(this.of(session), { greeted: true, rotating: false });
    this.waiting.set(session, isNew || this.waiting.get(session) === true);
    this.schedule();
  }

  /** Something may be waiting for a connected device. Before its hello nothing is known of it; that asks by itself. */
  nudge(session: DeviceSession): void {
    if (!this.known.get(session)?.greeted || this.waiting.has(session)) return;
    this.waiting.set(session, false);
    this.schedule();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.waiting.clear();
    await this.running;
  }

  private of(session: DeviceSession): Known {
    let known = this.known.get(session);
    if (!known) this.known.set(session, (known = { greeted: false, rotations: 0, rotating: false }));
    return known;
  }

  private mayRotate(session: DeviceSession): boolean {
    const { rotating, rotations } = this.of(session);
    return !rotating && rotations < this.options.maxRotationsPerSession;
  }

  private schedule(afterMs = this.options.gatherMs): void {
    if (this.stopped) return;
    this.timer ??= setTimeout(() => {
      this.running = this.turn().then((done) => {
        this.running = this.timer = undefined;
        if (this.waiting.size > 0) this.schedule(done ? undefined : this.options.retryMs);
      });
    }, afterMs);
  }

  /** One turn at a time: two at once could ask one device twice. @returns false when it is to be tried again */
  private async turn(): Promise<boolean> {
    const turn = [...this.waiting].slice(0, this.options.perTurn);
    for (const [session] of turn) this.waiting.delete(session);
    const asked = turn.filter(([session]) => !session.closed);
    if (asked.length === 0) return true;
    try {
      const due = await this.source.next(
        asked.map(([session, isNewSession]) => ({
          projectId: session.device.projectId,
          deviceId: session.device.deviceId,
          credentialId: session.credential.id,
          isNewSession,
          mayRotate: this.mayRotate(session),
        })),
      );
      // A peer that does not read holds back nobody else.
      asked.forEach(([session], i) => {
        const ask = due[i];
        if (ask) void this.send(session, ask).catch(() => this.counters.failures++);
      });
      return true;
    } catch {
      this.counters.failures++;
      // Those that spoke meanwhile wait already; that they are new must not be forgotten.
      for (const [session, isNew] of asked)
        this.waiting.set(session, isNew || this.waiting.get(session) === true);
      return false;
    }
  }

  private async send(session: DeviceSession, due: DueAsk): Promise<void> {
    const ask = due.rotation ? this.rotation(session, due, due.rotation) : this.command(session, due);
    if (!ask) return;
    const hello = encode('ask', { counter: due.counter + 1, command: 'say-hello' });
    if (await session.send('ask', Buffer.from(ask), 1)) await session.send('ask', Buffer.from(hello), 1);
  }

  private command(session: DeviceSession, due: DueAsk): Uint8Array | undefined {
    if (!due.sealedKey && !due.signer) return undefined;
    this.counters.asks++;
    const { counter, argument, data } = due;
    const content: AskContent = {
      counter,
      command: due.command as Command,
      ...(argument === undefined ? {} : { argument }),
      ...(data === undefined ? {} : { data: new Uint8Array(data) }),
    };
    return due.sealedKey
      ? macAsk(content, session.clientId, this.keys.openKey(session.device, due.sealedKey))
      : signAsk(content, session.clientId, this.signer(session.device.projectId, due.signer));
  }

  private rotation(
    session: DeviceSession,
    { counter, signer }: DueAsk,
    rotation: NonNullable<DueAsk['rotation']>,
  ): Uint8Array {
    const known = this.of(session);
    known.rotations++;
    known.rotating = true;
    this.counters.rotations++;
    if (rotation.signedAsk) return new Uint8Array(rotation.signedAsk);
    const data = encodeNextKey({
      algorithm: 'ed25519',
      key: new Uint8Array(rotation.nextPublicKey),
      keySequence: rotation.nextSequence,
    });
    const content: AskContent = { counter, command: 'rotate-key', data };
    return signAsk(content, session.clientId, this.signer(session.device.projectId, signer));
  }

  private signer(projectId: string, signer: DueAsk['signer']): KeyObject {
    if (!signer) throw new Error('an ask without a key');
    let key = this.signers.get(signer.id);
    if (!key) {
      const { id, sealedPrivateKey: sealed } = signer;
      key = openSigningKey(this.sealer, projectId, { id, sealed });
      this.signers.set(id, key);
    }
    return key;
  }
}
