/**
 * Broker, ingest and ota as one: what runs where devices connect. Opens no ports and reads no configuration, so that
 * tests and the benchmark run the very same parts; roles/edge.ts does both.
 */
import { errors } from '@tinyfleet/errors';
import type { Sealer } from '@tinyfleet/releases';
import {
  PgAskSource,
  PgCredentialUsage,
  PgDesiredStore,
  PgDeviceDirectory,
  PgFleetCounts,
  PgIngestStore,
  PgPresenceStore,
  PgRegistryChanges,
  PgRollupStore,
  type BlobStore,
  type Database,
} from '@tinyfleet/storage';
import type { WindowPolicy } from '@tinyfleet/telemetry';
import { MqttBroker } from './broker/broker.js';
import { limitThreadsByTheirOwn } from '../platform/thread-memory.js';
import { DeviceCredentials, type CertificateAdmission } from './broker/credentials.js';
import { CredentialKeeper } from './broker/credential-keeper.js';
import type { Refusal, RefusalFacts } from './broker/refusals.js';
import { brokerDefaults, type BrokerOptions } from './broker/options.js';
import { CopyThread } from './ingest/copy-thread.js';
import { FoldThread } from './ingest/fold-thread.js';
import { Folder } from './ingest/folder.js';
import { Ingest } from './ingest/ingest.js';
import { ingestDefaults, type IngestOptions } from './ingest/options.js';
import { Presence, presenceDefaults, type PresenceOptions } from './ingest/presence.js';
import { Sequences } from './ingest/sequences.js';
import { DeviceKeys } from '../platform/device-keys.js';
import { Asks, askDefaults, type AskOptions } from './ota/asks.js';
import { OnlineManifests } from './ota/online-manifests.js';
import { otaDefaults, type OtaOptions } from './ota/options.js';
import { Ota } from './ota/ota.js';
import { EdgeWatcher } from './ota/watcher.js';
import { tapDefaults, type TapOptions } from './tap/options.js';
import { Taps, type TapExit } from './tap/taps.js';

export interface EdgeOptions {
  readonly broker?: Partial<BrokerOptions>;
  readonly ingest?: Partial<IngestOptions>;
  readonly ota?: Partial<OtaOptions>;
  readonly asks?: Partial<AskOptions>;
  readonly presence?: Partial<PresenceOptions>;
  /** Opens the keys that commands and rotations are signed with. */
  readonly sealer: Sealer;
  readonly windows: WindowPolicy;
  readonly onError: (part: string, error: unknown) => void;
  /** Decides about client certificates; without it they are refused. */
  readonly admission?: CertificateAdmission;
  /** Days before its end that a certificate without a successor is told of. */
  readonly certificateWarningDays?: number;
  /** The broker refused somebody or something. As often as strangers like: whoever logs it bounds it. */
  readonly onRefused?: (code: Refusal, facts: RefusalFacts) => void;
  readonly taps?: Partial<TapOptions>;
  /** Where goes what those see who listen to a device; without it nobody can. */
  readonly tapExit?: TapExit;
}

/** Sequence counts are written this often. */
const sequencesMs = 5_000;
const warningMs = 3_600_000;
const warningDays = 30;

export class Edge {
  readonly broker: MqttBroker;
  readonly ingest: Ingest;
  readonly ota: Ota;
  readonly asks: Asks;
  readonly rollups: PgRollupStore;
  readonly foldThread: FoldThread;
  private readonly copyThread: CopyThread;
  readonly taps: Taps;
  private readonly presence: Presence;
  private readonly presenceStore: PgPresenceStore;
  private readonly sequences = new Sequences();
  private readonly credentialKeeper: CredentialKeeper;
  private readonly watcher: EdgeWatcher;
  private readonly folder: Folder;
  private readonly usage: PgCredentialUsage;
  private warningTimer: NodeJS.Timeout | undefined;
  /** Certificates that end soon and have no successor. */
  certificatesEnding = 0;
  private sequenceTimer: NodeJS.Timeout | undefined;

  constructor(
    database: Database,
    blobs: Pick<BlobStore, 'read'>,
    private readonly options: EdgeOptions,
  ) {
    const brokerOptions = { ...brokerDefaults, ...options.broker };
    const failed = (part: string) => (error: unknown) => options.onError(part, error);
    const desired = new PgDesiredStore(database);
    this.rollups = new PgRollupStore(database);
    limitThreadsByTheirOwn();
    this.foldThread = new FoldThread(database.target, async () => (await this.rollups.lagSeconds()) > 0);
    this.copyThread = new CopyThread(database.target);
    const askSource = new PgAskSource(database);
    const deviceKeys = new DeviceKeys(options.sealer);
    const credentials = new DeviceCredentials(
      new PgDeviceDirectory(database),
      brokerOptions.credentialTtlMs,
      undefined,
      options.admission,
      brokerOptions.certificateSkewS * 1_000,
      brokerOptions.credentialWaitMs,
    );
    this.ota = new Ota(
      desired,
      blobs,
      new OnlineManifests(deviceKeys),
      (session, refusal) => {
        this.ingest.noteRefusal(session.device, refusal);
        if (refusal.error !== errors['manifest.device-key-missing'].number) return;
        const { project, device } = session.device;
        credentials.invalidate(project, device);
        this.credentialKeeper.forget(session.credential.id);
      },
      { ...otaDefaults, ...options.ota },
    );
    this.asks = new Asks(askSource, deviceKeys, options.sealer, { ...askDefaults, ...options.asks });
    this.usage = new PgCredentialUsage(database);
    this.credentialKeeper = new CredentialKeeper(
      this.usage,
      deviceKeys,
      brokerOptions.replacedGraceS,
      failed('credentials'),
    );
    this.ingest = new Ingest(
      new PgIngestStore(database, options.windows, this.foldThread, this.copyThread),
      this.sequences,
      {
        greeted: (session, hello) => {
          session.dutyCycleS = hello.dutyCycleS ?? 0;
          this.ota.greet(session, hello);
          this.asks.greet(session);
        },
        wanted: (session, want) => this.ota.want(session, want),
      },
      { ...ingestDefaults, ...options.ingest },
    );
    this.taps = new Taps(
      options.tapExit ?? { send: () => Promise.resolve() },
      (project, device) => this.broker.session(project, device) !== undefined,
      { ...tapDefaults, ...options.taps },
      failed('taps'),
    );
    this.broker = new MqttBroker(credentials, brokerOptions, this.ingest, {
      proven: (admitted, token) => this.credentialKeeper.note(admitted, token),
      refused: (code, facts) => {
        this.taps.refused(code, facts);
        options.onRefused?.(code, facts);
      },
      tapped: this.taps.tapped,
    });
    this.credentialKeeper.onEnded = (project, device) => credentials.invalidate(project, device);
    this.presenceStore = new PgPresenceStore(database);
    this.presence = new Presence(this.presenceStore, this.broker, failed('presence'), {
      ...presenceDefaults,
      ...options.presence,
    });
    this.watcher = new EdgeWatcher(
      this.broker,
      { ota: this.ota, asks: this.asks },
      desired,
      new PgRegistryChanges(database),
      failed('watcher'),
    );
    this.folder = new Folder(this.foldThread, this.rollups, new PgFleetCounts(database), failed('rollups'));
  }

  /** Before listeners open. */
  async start(): Promise<void> {
    await this.presence.start();
    await this.watcher.start();
    await this.folder.start();
    await this.broker.start();
    this.warningTimer = setInterval(() => void this.warnOfCertificates(), warningMs);
    await this.warnOfCertificates();
    this.sequenceTimer = setInterval(() => void this.writeSequences(), sequencesMs);
  }

  /** Something changed in the database: look now. */
  wake(): void {
    this.watcher.wake();
  }

  /** After listeners closed: connections end, what was taken is committed and acknowledged as far as it still can be. */
  async stop(): Promise<void> {
    clearInterval(this.sequenceTimer);
    clearInterval(this.warningTimer);
    await this.watcher.stop();
    await this.broker.stop();
    await this.taps.stop();
    await this.ingest.drain();
    await this.asks.stop();
    await this.credentialKeeper.stop();
    await this.presence.stop();
    await this.writeSequences();
    await this.folder.stop();
    await this.copyThread.stop();
    await this.foldThread.stop();
  }

  /** Each is told of once, by an event of its project. */
  async warnOfCertificates(): Promise<void> {
    try {
      this.certificatesEnding = await this.usage.warn(this.options.certificateWarningDays ?? warningDays);
    } catch (error) {
      this.options.onError('certificates', error);
    }
  }

  private async writeSequences(): Promise<void> {
    try {
      await this.presenceStore.writeSequences(this.sequences.takeChanged());
    } catch (error) {
      this.options.onError('sequences', error);
    }
  }
}
