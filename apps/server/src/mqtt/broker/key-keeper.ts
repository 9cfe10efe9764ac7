/**
 * Keeps the keys of devices that were registered before keys were kept: a connecting device shows its token, and only
 * then can its key be derived. Written behind the connect, in batches; a lost one is seen again at the next connect.
 */
import type { AskSource, DeviceKeySealer } from '@tinyfleet/registry';
import type { DeviceRecord } from '@tinyfleet/telemetry';

const gatherMs = 200;
/** More at once than this wait for their next connect. */
const maxGathered = 10_000;

type Kept = Parameters<AskSource['keepKeys']>[0][number];

export class KeyKeeper {
  private waiting: Kept[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;

  constructor(
    private readonly source: Pick<AskSource, 'keepKeys'>,
    private readonly keys: Pick<DeviceKeySealer, 'sealKey'>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** The token has been found to be the device's own. */
  readonly learn = (device: DeviceRecord, token: Uint8Array): void => {
    if (device.hasKey || this.waiting.length >= maxGathered) return;
    const { projectId, deviceId, tokenHash } = device;
    this.waiting.push({ projectId, deviceId, tokenHash, sealedKey: this.keys.sealKey(device, token) });
    this.timer ??= setTimeout(() => this.flush(), gatherMs);
  };

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.flush();
    await this.writing;
  }

  private flush(): void {
    this.timer = undefined;
    const keys = this.waiting;
    this.waiting = [];
    if (keys.length > 0) this.writing = this.source.keepKeys(keys).catch(this.onError);
  }
}
