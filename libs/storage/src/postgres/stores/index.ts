/** All stores over one connection or one transaction. */
import type { AuthStores } from '@tinyfleet/auth';
import type { Transact } from '@tinyfleet/contracts';
import type { RegistryStores } from '@tinyfleet/registry';
import type { Database, Db } from '../database.js';
import { PgAuthStore } from './auth-store.js';
import { PgDeviceStore, PgDeviceTypeStore } from './device-store.js';
import { PgAuditLog, PgEventReader, PgEventSink } from './events.js';
import { PgModelStore } from './model-store.js';
import { PgProjectStore } from './project-store.js';

export class PgStores implements RegistryStores, AuthStores {
  readonly auth: PgAuthStore;
  readonly projects: PgProjectStore;
  readonly types: PgDeviceTypeStore;
  readonly devices: PgDeviceStore;
  readonly models: PgModelStore;
  readonly events: PgEventSink;
  readonly eventReader: PgEventReader;
  readonly audit: PgAuditLog;

  constructor(db: Db) {
    this.auth = new PgAuthStore(db);
    this.projects = new PgProjectStore(db);
    this.types = new PgDeviceTypeStore(db);
    this.devices = new PgDeviceStore(db);
    this.models = new PgModelStore(db);
    this.events = new PgEventSink(db);
    this.eventReader = new PgEventReader(db);
    this.audit = new PgAuditLog(db);
  }
}

/** Runs work on stores that share one transaction; fits the `Transact` of every domain. */
export function transactOn(database: Database): Transact<PgStores> {
  return async (work) => await database.transaction(async (tx) => await work(new PgStores(tx)));
}

export { PgAuditLog, PgEventReader, PgEventSink } from './events.js';
export { cursorKey, toPage } from './page.js';
export { addBlob } from './model-store.js';
