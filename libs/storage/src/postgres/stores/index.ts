/** All stores over one connection or one transaction. */
import { setTimeout } from 'node:timers/promises';
import type { AuthStores } from '@tinyfleet/auth';
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { BulkQueue, RegistryStores } from '@tinyfleet/registry';
import type {
  BuildQueue,
  FirmwareStores,
  PayloadKey,
  PayloadQueue,
  ReleaseStores,
} from '@tinyfleet/releases';
import { isContention, type Database, type Db } from '../database.js';
import type { PgJobQueue } from '../job-queue.js';
import { PgAuthStore } from './auth-store.js';
import { PgBuildStore } from './build-store.js';
import { PgBulkActionStore } from './bulk-action-store.js';
import { PgCommandStore } from './command-store.js';
import { PgAuthorityStore } from './authority-store.js';
import { PgCredentialStore } from './credential-store.js';
import { PgDeviceSetStore } from './device-set-store.js';
import { PgDeviceStore, PgDeviceTypeStore } from './device-store.js';
import { PgAuditLog } from './audit-store.js';
import { PgEventReader, PgEventSink } from './events.js';
import { PgPeopleStore } from './people-store.js';
import { PgGroupStore } from './group-store.js';
import { PgFirmwareStore } from './firmware-store.js';
import { PgModelStore } from './model-store.js';
import type { AlertStores } from '@tinyfleet/quality';
import { PgAlertRouteStore } from '../quality/alert-route-store.js';
import { PgAlertStore } from '../quality/alert-store.js';
import { PgQualitySettingsStore } from '../quality/settings-store.js';
import { PgPeerStore } from '../quality/peer-store.js';
import { PgWatchStore } from '../quality/watch-store.js';
import { PgWebhookStore } from '../webhooks/webhook-store.js';
import { PgPayloadStore } from './payload-store.js';
import { PgProjectStore } from './project-store.js';
import { PgProvisioningStore } from './provisioning-store.js';
import { PgReleaseStore, PgSigningKeyStore } from './release-store.js';
import { PgRolloutMoves } from '../rollouts/rollout-moves.js';
import { PgRolloutStore } from '../rollouts/rollout-store.js';
import { PgUpdateRuleStore } from '../rollouts/update-rule-store.js';
import type { RolloutStores } from '@tinyfleet/rollouts';

export const BUILD_QUEUE = 'build';
export const PAYLOAD_QUEUE = 'payload';
export const BULK_QUEUE = 'bulk';
/** A worker hands an action back after a part of this time; what it held when it died is free after it. */
export const BULK_EXPIRE_S = 120;
export interface BulkMessage {
  readonly projectId: string;
  readonly project: string;
  readonly actionId: string;
}
/** A payload takes seconds; one that is not done by then is given to another worker. */
export const PAYLOAD_EXPIRE_S = 900;
export interface PayloadMessage {
  readonly projectId: string;
  readonly project: string;
  readonly key: PayloadKey;
}
export interface BuildMessage {
  readonly projectId: string;
  readonly project: string;
  readonly buildId: string;
}
/** How jobs get into the queue; `expireInSeconds` bounds one of them. Without it there is no queue. */
export interface JobOptions {
  readonly jobs: PgJobQueue;
  readonly expireInSeconds: number;
}
export interface StoreOptions extends Partial<JobOptions> {
  /** Seconds by which the rollout engine's clock is ahead of the database's: tests. */
  readonly clockSkewS?: () => number;
}

export class PgStores
  implements RegistryStores, AuthStores, ReleaseStores, FirmwareStores, RolloutStores, AlertStores
{
  readonly auth: PgAuthStore;
  readonly people: PgPeopleStore;
  readonly projects: PgProjectStore;
  readonly types: PgDeviceTypeStore;
  readonly devices: PgDeviceStore;
  readonly deviceSets: PgDeviceSetStore;
  readonly bulkActions: PgBulkActionStore;
  readonly bulkQueue: BulkQueue;
  readonly groups: PgGroupStore;
  readonly commands: PgCommandStore;
  readonly credentials: PgCredentialStore;
  readonly provisioning: PgProvisioningStore;
  readonly authorities: PgAuthorityStore;
  readonly models: PgModelStore;
  readonly firmware: PgFirmwareStore;
  readonly builds: PgBuildStore;
  readonly keys: PgSigningKeyStore;
  readonly releases: PgReleaseStore;
  readonly rollouts: PgRolloutStore;
  readonly moves: PgRolloutMoves;
  readonly updateRules: PgUpdateRuleStore;
  readonly payloads: PgPayloadStore;
  readonly queue: BuildQueue;
  readonly payloadQueue: PayloadQueue;
  readonly events: PgEventSink;
  readonly eventReader: PgEventReader;
  readonly audit: PgAuditLog;
  readonly webhooks: PgWebhookStore;
  readonly alerts: PgAlertStore;
  readonly alertRoutes: PgAlertRouteStore;
  readonly qualitySettings: PgQualitySettingsStore;
  readonly watches: PgWatchStore;
  readonly peers: PgPeerStore;

  constructor(db: Db, options: StoreOptions = {}) {
    this.auth = new PgAuthStore(db);
    this.people = new PgPeopleStore(db);
    this.projects = new PgProjectStore(db);
    this.types = new PgDeviceTypeStore(db);
    this.devices = new PgDeviceStore(db);
    this.deviceSets = new PgDeviceSetStore(db);
    this.bulkActions = new PgBulkActionStore(db);
    this.bulkQueue = {
      enqueue: async (scope: ProjectScope, actionId: string) => {
        const message: BulkMessage = { projectId: scope.id, project: scope.name, actionId };
        await options.jobs?.send(db, BULK_QUEUE, message, BULK_EXPIRE_S);
      },
    };
    this.groups = new PgGroupStore(db);
    this.commands = new PgCommandStore(db);
    this.credentials = new PgCredentialStore(db);
    this.provisioning = new PgProvisioningStore(db);
    this.authorities = new PgAuthorityStore(db);
    this.models = new PgModelStore(db);
    this.firmware = new PgFirmwareStore(db);
    this.builds = new PgBuildStore(db);
    this.keys = new PgSigningKeyStore(db);
    this.releases = new PgReleaseStore(db);
    this.rollouts = new PgRolloutStore(db);
    this.moves = new PgRolloutMoves(db, options.clockSkewS);
    this.updateRules = new PgUpdateRuleStore(db);
    this.queue = {
      enqueue: async (scope: ProjectScope, buildId: string) => {
        const message: BuildMessage = { projectId: scope.id, project: scope.name, buildId };
        const { jobs, expireInSeconds = PAYLOAD_EXPIRE_S } = options;
        await jobs?.send(db, BUILD_QUEUE, message, expireInSeconds);
      },
    };
    this.payloads = new PgPayloadStore(db);
    this.payloadQueue = {
      enqueue: async (scope: ProjectScope, key: PayloadKey) => {
        const message: PayloadMessage = { projectId: scope.id, project: scope.name, key };
        await options.jobs?.send(db, PAYLOAD_QUEUE, message, PAYLOAD_EXPIRE_S);
      },
    };
    this.events = new PgEventSink(db);
    this.eventReader = new PgEventReader(db);
    this.audit = new PgAuditLog(db);
    this.webhooks = new PgWebhookStore(db);
    this.alerts = new PgAlertStore(db);
    this.alertRoutes = new PgAlertRouteStore(db);
    this.qualitySettings = new PgQualitySettingsStore(db);
    this.watches = new PgWatchStore(db);
    this.peers = new PgPeerStore(db);
  }
}

/** Attempts of a transaction that deadlocks; with a random pause two that met do not meet again. */
const ATTEMPTS = 4;
const PAUSE_MS = 20;

/**
 * Runs work on stores that share one transaction; fits the `Transact` of every domain. After a deadlock the work runs again, so
 * what it does outside of its stores has to bear that.
 */
export function transactOn(database: Database, options?: StoreOptions): Transact<PgStores> {
  return async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await database.transaction(async (tx) => await work(new PgStores(tx, options)));
      } catch (error) {
        if (!isContention(error)) throw error;
        if (attempt === ATTEMPTS)
          throw new FleetError('storage.contention', { attempts: attempt }, { cause: error });
      }
      await setTimeout(PAUSE_MS * 2 ** attempt * Math.random());
    }
  };
}

export { PgAuditLog } from './audit-store.js';
export { idleBulkActions } from './bulk-action-store.js';
export { PgEventReader, PgEventSink } from './events.js';
export { cursorKey, toPage } from './page.js';
export { addBlob } from './model-store.js';
