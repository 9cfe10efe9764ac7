/**
 * Writes down what a connect tells of its credential, behind the connect and in batches: when it was used, which ends the
 * credentials it replaces, and the device's key where none is kept yet (a token is seen in the clear only here). A lost
 * note is made again at the next connect.
 */
import type { CredentialUsage, CredentialUse, DeviceKeySealer } from '@tinyfleet/registry';
import type { Admitted } from './credentials.js';

const gatherMs = 200;
/** More at once than this wait for their next connect. */
const maxGathered = 10_000;
/** Credentials whose last use is remembered; one beyond is written once more. About 100 bytes each. */
const maxWritten = 50_000;
/** A fleet that reconnects often is written down this often. */
const againMs = 3_600_000;

export class CredentialKeeper {
  private waiting: CredentialUse[] = [];
  /** Credential id -> when its use was written down: cached records do not know it yet. */
  private readonly written = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;

  constructor(
    private readonly usage: CredentialUsage,
    private readonly keys: Pick<DeviceKeySealer, 'sealKey'>,
    /** A credential that was replaced keeps this long after its successor was used first: firmware may fall back once. */
    private readonly graceSeconds: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Told of devices of which a credential ends sooner now. */
  onEnded: (project: string, device: string) => void = () => {};

  /** The device has proven itself, with this token or by its certificate. */
  note({ device, credential }: Admitted, token: Uint8Array | undefined): void {
    const needsKey = token !== undefined && !credential.hasKey;
    const usedAt = Math.max(credential.usedAt ?? 0, this.written.get(credential.id) ?? 0);
    const isRecent = Date.now() - usedAt < againMs;
    // A key is written with the use that shows it.
    if ((isRecent && (!needsKey || this.written.has(credential.id))) || this.waiting.length >= maxGathered)
      return;
    this.waiting.push({
      projectId: device.projectId,
      credentialId: credential.id,
      at: new Date(),
      sealedKey: needsKey ? this.keys.sealKey(device, token) : undefined,
    });
    this.timer ??= setTimeout(() => this.flush(), gatherMs);
  }

  /** No key is kept of this credential after all: the next token it shows is written down again. */
  forget(credentialId: string): void {
    this.written.delete(credentialId);
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.flush();
    await this.writing;
  }

  private flush(): void {
    this.timer = undefined;
    const uses = this.waiting;
    this.waiting = [];
    if (uses.length === 0) return;
    this.writing = this.usage.note(uses, this.graceSeconds).then((ended) => {
      for (const { credentialId, at } of uses) {
        this.written.delete(credentialId);
        this.written.set(credentialId, at.getTime());
        if (this.written.size > maxWritten) this.written.delete(this.written.keys().next().value!);
      }
      for (const { project, device } of ended) this.onEnded(project, device);
    }, this.onError);
  }
}
