/** The domain's services over one database: what controllers and roles share. Made once per process. */
import { AuthService, CliLoginService, IdentityService, PeopleService, TokenService } from '@tinyfleet/auth';
import { COMPILER_VERSION } from '@tinyfleet/compiler';
import { QualityService } from '@tinyfleet/quality';
import { RolloutOperator, RolloutService, UpdateRuleService } from '@tinyfleet/rollouts';
import {
  BulkJob,
  BulkService,
  CommandService,
  AdmissionService,
  AuthorityService,
  CredentialService,
  DeviceImportService,
  EnrolmentService,
  ProvisioningService,
  authorityDefaults,
  credentialDefaults,
  DeviceService,
  DeviceTypeService,
  GroupService,
  ModelService,
  ProjectService,
  WebhookService,
  attributeLimits,
  bulkDefaults,
  groupDefaults,
} from '@tinyfleet/registry';
import {
  BuildService,
  KeyRotationService,
  PayloadService,
  OfflineSigningService,
  ReleaseLifecycleService,
  ReleaseService,
  SecretSealer,
  SigningKeyService,
  transferDefaults,
} from '@tinyfleet/releases';
import {
  PgDeviceImportStore,
  PgIdempotencyStore,
  PgAuditLog,
  PgJobQueue,
  PgQualityStore,
  PgStores,
  PgTelemetryReader,
  transactOn,
  type BlobStore,
  type DataDir,
  type Database,
  type EventListener,
} from '@tinyfleet/storage';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import { threadedInspector } from '../compiler/compiler-thread.js';
import { NodeCertificates } from '../tls/certificates.js';
import { DeviceKeys } from './device-keys.js';
import { argon2Passwords } from './passwords.js';
import type { Server } from './server.js';

export interface Parts {
  readonly server: Server;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly database: Database;
  readonly dataDir: DataDir;
  readonly blobs: BlobStore;
  readonly events: EventListener;
  readonly secret: Uint8Array;
}

export interface Services extends Parts {
  readonly stores: PgStores;
  readonly jobs: PgJobQueue;
  readonly auth: AuthService;
  readonly tokens: TokenService;
  readonly cliLogins: CliLoginService;
  readonly people: PeopleService;
  readonly identities: IdentityService;
  readonly projects: ProjectService;
  readonly types: DeviceTypeService;
  readonly devices: DeviceService;
  readonly credentials: CredentialService;
  readonly groups: GroupService;
  readonly bulk: BulkService;
  readonly admission: AdmissionService;
  readonly bulkJob: BulkJob;
  readonly authorities: AuthorityService;
  readonly provisioning: ProvisioningService;
  readonly enrolments: EnrolmentService;
  readonly commands: CommandService;
  readonly models: ModelService;
  readonly sealer: SecretSealer;
  readonly keys: SigningKeyService;
  readonly rotation: KeyRotationService;
  readonly builds: BuildService;
  readonly releases: ReleaseService;
  readonly releaseLifecycle: ReleaseLifecycleService;
  readonly offlineSigning: OfflineSigningService;
  readonly payloads: PayloadService;
  readonly rollouts: RolloutService;
  readonly rolloutOperator: RolloutOperator;
  readonly updateRules: UpdateRuleService;
  readonly telemetry: PgTelemetryReader;
  readonly quality: QualityService;
  readonly idempotency: PgIdempotencyStore;
  readonly imports: DeviceImportService;
  readonly webhooks: WebhookService;
  readonly importStore: PgDeviceImportStore;
}

export function createServices(parts: Parts): Services {
  const { server, database, blobs, log } = parts;
  const { config } = server;
  const jobs = new PgJobQueue(database, (error) => log.warn({ err: error }, 'job queue'));
  const stores = new PgStores(database);
  const transact = transactOn(database, { jobs, expireInSeconds: config.buildTimeoutS + 60 });
  const transfers = { ...transferDefaults, maxBases: config.transferBases };
  const sealer = new SecretSealer(parts.secret);
  const deviceKeys = new DeviceKeys(sealer);
  const keys = new SigningKeyService(stores, transact, sealer, uuidv7);
  const auth = new AuthService(stores.auth, transact, argon2Passwords, {
    sessionDays: config.sessionDays,
    sessionIdleHours: config.sessionIdleHours,
    limits: {
      freeAttempts: config['limits.loginAttempts'],
      freeAttemptsPerSource: config['limits.loginAttemptsPerSource'],
    },
    newId: uuidv7,
  });
  const projects = new ProjectService(stores, transact);
  const attributes = {
    ...attributeLimits,
    maxCount: config['limits.attributes'],
    maxValueBytes: config['limits.attributeBytes'],
  };
  const bulkOptions = {
    ...bulkDefaults,
    maxDevices: config['limits.bulkDevices'],
    maxOpen: config['limits.bulkActions'],
  };
  const credentials = new CredentialService(stores.credentials, transact, deviceKeys, uuidv7);
  const certificates = new NodeCertificates();
  const authorities = new AuthorityService(stores, transact, certificates, sealer, uuidv7, {
    ...authorityDefaults,
    ...credentialDefaults,
    maxRevocations: config['limits.crlEntries'],
    skewS: config.certificateSkewS,
  });
  const defaultProject = config['oidc.defaultProject'];
  const importStore = new PgDeviceImportStore(database, attributeLimits.maxCount);
  return {
    ...parts,
    importStore,
    webhooks: new WebhookService(transact, sealer, uuidv7, {
      maxPerProject: config['webhooks.maxPerProject'],
      maxReplay: config['webhooks.maxReplay'],
      allowPrivate: config['webhooks.allowPrivate'],
    }),
    imports: new DeviceImportService(importStore, stores.audit, sealer, uuidv7, {
      maxRows: config['import.maxRows'],
      maxBytes: config['import.maxBytes'],
      maxLineBytes: config['import.maxLineBytes'],
      maxErrors: config['import.maxErrors'],
      maxAtOnce: config['import.maxAtOnce'],
      tokensSeconds: config['import.tokensSeconds'],
      attributes: attributeLimits,
    }),
    stores,
    jobs,
    auth,
    tokens: new TokenService(stores.auth, transact, auth, { maxTokens: config['limits.tokensPerPerson'] }),
    cliLogins: new CliLoginService(stores.auth, transact, auth, {
      maxTokens: config['limits.tokensPerPerson'],
    }),
    people: new PeopleService(stores.people, transact, auth, {
      resetHours: config.resetHours,
      newId: uuidv7,
    }),
    identities: new IdentityService(transact, {
      provision: config['oidc.provision'],
      member:
        defaultProject === undefined
          ? undefined
          : { scope: async () => projects.scopeOf(defaultProject), role: config['oidc.defaultRole'] },
      newId: uuidv7,
    }),
    projects,
    types: new DeviceTypeService(stores, transact),
    devices: new DeviceService(transact, deviceKeys, uuidv7, attributes),
    credentials,
    admission: new AdmissionService(stores, transact, certificates, uuidv7, credentialDefaults),
    authorities,
    provisioning: new ProvisioningService(stores.provisioning, transact, uuidv7, () => server.address),
    enrolments: new EnrolmentService(transact, credentials, authorities, {
      certificateDays: config.certificateDays,
    }),
    groups: new GroupService(stores, transact, (error) => log.warn({ err: error }, 'group count'), {
      ...groupDefaults,
      maxGroups: config['limits.groups'],
      maxMembersAtOnce: config['limits.bulkDevices'],
    }),
    bulk: new BulkService(stores, transact, uuidv7, bulkOptions, attributes),
    bulkJob: new BulkJob(transact, { maxTags: bulkOptions.maxTags, maxAttributes: attributes.maxCount }),
    commands: new CommandService(transact, uuidv7),
    models: new ModelService(stores, transact, blobs, threadedInspector, config['http.maxUploadBytes']),
    sealer,
    keys,
    rotation: new KeyRotationService(stores, transact, keys),
    builds: new BuildService(stores, transact, COMPILER_VERSION),
    releases: new ReleaseService(stores, transact, keys, transfers),
    releaseLifecycle: new ReleaseLifecycleService(stores, transact),
    offlineSigning: new OfflineSigningService(transact, transfers),
    payloads: new PayloadService(stores, transact, blobs, transfers),
    rollouts: new RolloutService(stores, transact, uuidv7, transfers),
    rolloutOperator: new RolloutOperator(stores, transact),
    updateRules: new UpdateRuleService(transact),
    telemetry: new PgTelemetryReader(database),
    quality: new QualityService(new PgQualityStore(database), async (work) =>
      database.transaction(async (tx) => work({ labels: new PgQualityStore(tx), audit: new PgAuditLog(tx) })),
    ),
    idempotency: new PgIdempotencyStore(database, {
      keepSeconds: config['idempotency.keepSeconds'],
      lockSeconds: config['idempotency.lockSeconds'],
      maxPerCaller: config['idempotency.maxPerCaller'],
    }),
  };
}
