/** The domain's services over one database: what controllers and roles share. Made once per process. */
import { AuthService, CliLoginService, IdentityService, PeopleService, TokenService } from '@tinyfleet/auth';
import { COMPILER_VERSION } from '@tinyfleet/compiler';
import {
  AlertRouteService,
  AlertService,
  DriftMapService,
  EstimateService,
  LabelQueueService,
  QualityService,
  SampleService,
} from '@tinyfleet/quality';
import {
  RolloutOperator,
  RolloutService,
  RolloutSimulations,
  UpdateRuleService,
  simulationDefaults,
} from '@tinyfleet/rollouts';
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
  FirmwareService,
  HandoverService,
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
  PgFleetRecords,
  PgIdempotencyStore,
  PgAuditLog,
  PgDeviceDirectory,
  PgIngestStore,
  PgRollupStore,
  PgJobQueue,
  PgEstimateStore,
  PgLabelQueueStore,
  PgQualityStore,
  PgRetentionStore,
  PgSampleStore,
  PgStores,
  PgTelemetryReader,
  transactOn,
  type BlobStore,
  type DataDir,
  type Database,
  type EventListener,
} from '@tinyfleet/storage';
import { BackfillService, RetentionService, defaultWindowPolicy } from '@tinyfleet/telemetry';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import { threadedInspector } from '../compiler/compiler-thread.js';
import { NodeCertificates } from '../tls/certificates.js';
import { DeviceKeys } from './device-keys.js';
import { argon2Passwords } from './passwords.js';
import type { Server } from './server.js';
import { SimulationThread, simulationThreadDefaults } from '../rollout/simulation-thread.js';

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
  readonly firmware: FirmwareService;
  readonly sealer: SecretSealer;
  readonly keys: SigningKeyService;
  readonly rotation: KeyRotationService;
  readonly handover: HandoverService;
  readonly builds: BuildService;
  readonly releases: ReleaseService;
  readonly releaseLifecycle: ReleaseLifecycleService;
  readonly offlineSigning: OfflineSigningService;
  readonly payloads: PayloadService;
  readonly rollouts: RolloutService;
  readonly rolloutOperator: RolloutOperator;
  readonly simulations: RolloutSimulations;
  readonly updateRules: UpdateRuleService;
  readonly telemetry: PgTelemetryReader;
  readonly quality: QualityService;
  readonly estimates: EstimateService;
  readonly driftMap: DriftMapService;
  readonly labelQueue: LabelQueueService;
  readonly samples: SampleService;
  readonly retention: RetentionService;
  readonly backfill: BackfillService;
  readonly alerts: AlertService;
  readonly alertRoutes: AlertRouteService;
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
  const rollouts = new RolloutService(stores, transact, uuidv7, transfers);
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
    firmware: new FirmwareService(transact, blobs, config['http.maxUploadBytes']),
    sealer,
    keys,
    rotation: new KeyRotationService(stores, transact, keys),
    handover: new HandoverService(stores, transact),
    builds: new BuildService(stores, transact, COMPILER_VERSION),
    releases: new ReleaseService(stores, transact, keys, transfers),
    releaseLifecycle: new ReleaseLifecycleService(stores, transact),
    offlineSigning: new OfflineSigningService(transact, transfers),
    payloads: new PayloadService(stores, transact, blobs, transfers),
    rollouts,
    simulations: new RolloutSimulations(
      rollouts,
      new PgFleetRecords(database),
      new SimulationThread({
        ...simulationThreadDefaults,
        maxWaiting: config['limits.simulations'],
        maxPerProject: config['limits.simulationsPerProject'],
      }),
      { ...simulationDefaults, budgetMs: config['limits.simulationMs'] },
    ),
    rolloutOperator: new RolloutOperator(stores, transact),
    updateRules: new UpdateRuleService(transact),
    telemetry: new PgTelemetryReader(database),
    quality: new QualityService(new PgQualityStore(database), async (work) =>
      database.transaction(async (tx) => work({ labels: new PgQualityStore(tx), audit: new PgAuditLog(tx) })),
    ),
    estimates: new EstimateService(new PgEstimateStore(database)),
    driftMap: new DriftMapService(new PgEstimateStore(database)),
    labelQueue: new LabelQueueService(new PgLabelQueueStore(database), async (work) =>
      database.transaction(async (tx) =>
        work({ queue: new PgLabelQueueStore(tx), audit: new PgAuditLog(tx) }),
      ),
    ),
    samples: new SampleService(new PgSampleStore(database), async (work) =>
      database.transaction(async (tx) => work({ samples: new PgSampleStore(tx), audit: new PgAuditLog(tx) })),
    ),
    retention: new RetentionService(
      new PgRetentionStore(database),
      async (work) =>
        database.transaction(async (tx) =>
          work({ retention: new PgRetentionStore(tx), audit: new PgAuditLog(tx) }),
        ),
      config.telemetryRetentionDays,
    ),
    backfill: new BackfillService(
      {
        directory: new PgDeviceDirectory(database),
        ingest: new PgIngestStore(database, {
          ...defaultWindowPolicy,
          retentionDays: config.telemetryRetentionDays,
        }),
        rollups: new PgRollupStore(database),
      },
      async (work) => database.transaction(async (tx) => work({ audit: new PgAuditLog(tx) })),
    ),
    alerts: new AlertService(stores, transact),
    alertRoutes: new AlertRouteService(transact, sealer, uuidv7, {
      maxPerProject: config['alerts.maxRoutes'],
      allowPrivate: config['webhooks.allowPrivate'],
    }),
    idempotency: new PgIdempotencyStore(database, {
      keepSeconds: config['idempotency.keepSeconds'],
      lockSeconds: config['idempotency.lockSeconds'],
      maxPerCaller: config['idempotency.maxPerCaller'],
    }),
  };
}
