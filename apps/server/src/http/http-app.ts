/** The Nest application on Fastify: controllers bound to services that the bootstrap made. It does not listen. */
import 'reflect-metadata';
import { Module, type Provider, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuthService, CliLoginService, IdentityService, PeopleService, TokenService } from '@tinyfleet/auth';
import {
  BulkService,
  CommandService,
  AuthorityService,
  CredentialService,
  DeviceImportService,
  EnrolmentService,
  ProvisioningService,
  DeviceService,
  DeviceTypeService,
  GroupService,
  ModelService,
  ProjectService,
  WebhookService,
} from '@tinyfleet/registry';
import {
  BuildService,
  FirmwareService,
  HandoverService,
  KeyRotationService,
  OfflineSigningService,
  ReleaseLifecycleService,
  ReleaseService,
  SecretSealer,
  SigningKeyService,
} from '@tinyfleet/releases';
import {
  AlertRouteService,
  AlertService,
  DriftMapService,
  EstimateService,
  LabelQueueService,
  QualityService,
  SampleService,
} from '@tinyfleet/quality';
import { RolloutOperator, RolloutService, RolloutSimulations, UpdateRuleService } from '@tinyfleet/rollouts';
import {
  ListenChannels,
  PgDeviceImportStore,
  PgSampleStore,
  PgStores,
  PgTelemetryReader,
} from '@tinyfleet/storage';
import { BackfillService, RetentionService } from '@tinyfleet/telemetry';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { uuidv7 } from 'uuidv7';
import { NestLogger } from '../platform/logger.js';
import type { Config } from '../platform/config.js';
import { ProblemFilter } from '../platform/problem.filter.js';
import { Server } from '../platform/server.js';
import type { Services } from '../platform/services.js';
import { MessageTransport, transportOptions } from '../alert/transport.js';
import { AccessGuard } from './access.guard.js';
import { addEtags } from './conditions/etags.js';
import { ConditionsInterceptor } from './conditions/conditions.interceptor.js';
import { IdempotencyKeys } from './conditions/idempotency.js';
import { AlertController } from './alert/alert.controller.js';
import { AuditController } from './audit/audit.controller.js';
import { AuditInterceptor } from './audit.interceptor.js';
import { BuildController } from './build/build.controller.js';
import { addSecurityHeaders, serveSites } from './sites.js';
import { CredentialController } from './device/credential.controller.js';
import { DeviceController } from './device/device.controller.js';
import { DeviceListening } from './device/device-listening.js';
import { ListenController } from './device/listen.controller.js';
import { DeviceImportController } from './device-import/device-import.controller.js';
import { DeviceTypeController } from './device-type/device-type.controller.js';
import { EventController } from './event/event.controller.js';
import { EventStreams } from './event/event-streams.js';
import { LiveStreams } from './event/live-streams.js';
import { OpenStreams } from './event/open-streams.js';
import { GroupController } from './group/group.controller.js';
import { HealthController } from './health/health.controller.js';
import { countRequests } from './metrics.js';
import { FirmwareController } from './firmware/firmware.controller.js';
import { ModelController } from './model/model.controller.js';
import { OidcClient } from './oidc/oidc-client.js';
import { OidcController } from './oidc/oidc.controller.js';
import { OpenApiController } from './openapi/openapi.controller.js';
import { PersonController } from './person/person.controller.js';
import { ProjectAccess } from './project-access.js';
import { ProjectController } from './project/project.controller.js';
import { EnrolmentAttempts } from './provisioning/enrolment-attempts.js';
import { EnrolmentController } from './provisioning/enrolment.controller.js';
import { acceptCbor } from './provisioning/provisioning-cbor.js';
import { ProvisioningController } from './provisioning/provisioning.controller.js';
import { LabelController } from './quality/label.controller.js';
import { QualityController } from './quality/quality.controller.js';
import { SampleController } from './quality/sample.controller.js';
import { ReleaseController } from './release/release.controller.js';
import { DeploymentController } from './rollout/deployment.controller.js';
import { RolloutController } from './rollout/rollout.controller.js';
import { BrowserSessions } from './session/browser-sessions.js';
import { refuseSlowBodies } from './slow-bodies.js';
import { SessionController } from './session/session.controller.js';
import { SetupController } from './setup/setup.controller.js';
import { TelemetryController } from './telemetry/telemetry.controller.js';
import { BLOBS, LOG, METRICS } from './tokens.js';
import { WebhookController } from './webhook/webhook.controller.js';
import { TokenController } from './token/token.controller.js';

export const API_CONTROLLERS: readonly Type[] = [
  SetupController,
  SessionController,
  OidcController,
  TokenController,
  PersonController,
  AuditController,
  ProjectController,
  DeviceTypeController,
  DeviceController,
  ListenController,
  CredentialController,
  GroupController,
  DeviceImportController,
  ProvisioningController,
  EnrolmentController,
  ModelController,
  FirmwareController,
  BuildController,
  ReleaseController,
  RolloutController,
  DeploymentController,
  TelemetryController,
  QualityController,
  LabelController,
  SampleController,
  AlertController,
  EventController,
  WebhookController,
  OpenApiController,
];

@Module({})
class HttpModule {}

/** Uploads may take their time: slow-bodies.ts bounds how slow they are. */
const REQUEST_TIMEOUT_MS = 0;
const KEEP_ALIVE_MS = 65_000;

/** Of any server that these requests arrive at. */
export const serverTimes = (config: Config) => {
  const headersTimeout = config['http.patienceSeconds'] * 1_000;
  return {
    headersTimeout,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(5_000, headersTimeout / 4),
  };
};

export interface HttpApp {
  readonly fastify: FastifyInstance;
  readonly streams: OpenStreams;
  /** Stops taking requests, ends event streams, waits for those at work. */
  close(): Promise<void>;
}

export async function createHttpApp(
  services: Services,
  options: { readonly dashboardDir: string; readonly docsDir: string; readonly isAuditStrict: boolean },
): Promise<HttpApp> {
  const { config } = services.server;
  const log: Logger = services.log;
  const withApi = config.roles.includes('api');
  const proxies = config['http.trustProxy'];
  const adapter = new FastifyAdapter({
    // As a function: Fastify believes nobody when it is given a number.
    trustProxy: proxies > 0 && ((_address: string, hop: number) => hop < proxies),
    bodyLimit: config['http.maxJsonBytes'],
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: serverTimes(config),
    genReqId: () => uuidv7(),
    // Idle keep-alive connections do not hold up the end.
    forceCloseConnections: 'idle',
    logger: false,
  });
  const streams = new OpenStreams(services.events, config['limits.streams']);
  const events = new EventStreams(services.stores.eventReader, services.events, streams, log);
  const live = new LiveStreams(
    { reader: services.stores.eventReader, listener: services.events, streams, log },
    { maxChanges: config['limits.liveChanges'] },
  );
  const listening = new DeviceListening(new ListenChannels(services.database, services.events));
  const access = new ProjectAccess(services.auth, services.projects);
  const providers: Provider[] = [
    { provide: Server, useValue: services.server },
    { provide: AuthService, useValue: services.auth },
    { provide: TokenService, useValue: services.tokens },
    { provide: CliLoginService, useValue: services.cliLogins },
    { provide: PeopleService, useValue: services.people },
    { provide: IdentityService, useValue: services.identities },
    { provide: ProjectAccess, useValue: access },
    BrowserSessions,
    OidcClient,
    { provide: SecretSealer, useValue: services.sealer },
    { provide: CommandService, useValue: services.commands },
    { provide: CredentialService, useValue: services.credentials },
    { provide: AuthorityService, useValue: services.authorities },
    { provide: ProvisioningService, useValue: services.provisioning },
    { provide: EnrolmentService, useValue: services.enrolments },
    {
      provide: EnrolmentAttempts,
      useValue: new EnrolmentAttempts({
        freeAttempts: config['limits.provisionAttempts'],
        atOnce: config['limits.provisionAtOnce'],
      }),
    },
    { provide: HandoverService, useValue: services.handover },
    { provide: KeyRotationService, useValue: services.rotation },
    { provide: ProjectService, useValue: services.projects },
    { provide: DeviceImportService, useValue: services.imports },
    { provide: PgDeviceImportStore, useValue: services.importStore },
    { provide: DeviceTypeService, useValue: services.types },
    { provide: DeviceService, useValue: services.devices },
    { provide: GroupService, useValue: services.groups },
    { provide: BulkService, useValue: services.bulk },
    { provide: FirmwareService, useValue: services.firmware },
    { provide: ModelService, useValue: services.models },
    { provide: BuildService, useValue: services.builds },
    { provide: ReleaseService, useValue: services.releases },
    { provide: ReleaseLifecycleService, useValue: services.releaseLifecycle },
    { provide: OfflineSigningService, useValue: services.offlineSigning },
    { provide: RolloutService, useValue: services.rollouts },
    { provide: RolloutOperator, useValue: services.rolloutOperator },
    { provide: RolloutSimulations, useValue: services.simulations },
    { provide: UpdateRuleService, useValue: services.updateRules },
    { provide: SigningKeyService, useValue: services.keys },
    { provide: QualityService, useValue: services.quality },
    { provide: DriftMapService, useValue: services.driftMap },
    { provide: EstimateService, useValue: services.estimates },
    { provide: LabelQueueService, useValue: services.labelQueue },
    { provide: SampleService, useValue: services.samples },
    { provide: RetentionService, useValue: services.retention },
    { provide: BackfillService, useValue: services.backfill },
    { provide: PgSampleStore, useValue: new PgSampleStore(services.database) },
    { provide: AlertService, useValue: services.alerts },
    { provide: AlertRouteService, useValue: services.alertRoutes },
    { provide: MessageTransport, useValue: new MessageTransport(transportOptions(config)) },
    { provide: PgTelemetryReader, useValue: services.telemetry },
    { provide: PgStores, useValue: services.stores },
    { provide: WebhookService, useValue: services.webhooks },
    { provide: EventStreams, useValue: events },
    { provide: LiveStreams, useValue: live },
    { provide: OpenStreams, useValue: streams },
    { provide: DeviceListening, useValue: listening },
    { provide: BLOBS, useValue: services.blobs },
    { provide: LOG, useValue: log },
    { provide: METRICS, useValue: services.metrics },
  ];
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: HttpModule,
      controllers: [HealthController, ...(withApi ? API_CONTROLLERS : [])],
      providers,
    },
    adapter,
    { bodyParser: false, logger: new NestLogger(log), abortOnError: false },
  );
  const filter = new ProblemFilter(log, { isStrict: options.isAuditStrict });
  app.setGlobalPrefix('api/v1', { exclude: ['health/live', 'health/ready', 'metrics'] });
  app.useGlobalFilters(filter);
  app.useGlobalGuards(
    new AccessGuard(services.auth, access, {
      publicOrigin: services.server.publicOrigin,
      requestsPerSecond: config['limits.requestsPerSecond'],
      requestBurst: config['limits.requestBurst'],
    }),
  );
  app.useGlobalInterceptors(
    new ConditionsInterceptor(
      new IdempotencyKeys(services.idempotency, services.sealer, config['idempotency.maxAnswerBytes']),
    ),
    new AuditInterceptor(services.stores.audit, log, { isStrict: options.isAuditStrict }),
  );
  const fastify = adapter.getInstance<FastifyInstance>();
  refuseSlowBodies(fastify, {
    minBytesPerSecond: config['http.minBytesPerSecond'],
    patienceMs: config['http.patienceSeconds'] * 1_000,
  });
  addEtags(fastify);
  addSecurityHeaders(fastify);
  countRequests(fastify, services.metrics, () => streams.count);
  // Nothing here reads it, and it is one of the types that a form of another site may send.
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload));
  acceptCbor(fastify);
  // Uploads arrive as a stream; their size is bounded where they are stored.
  fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  if (withApi) await serveSites(fastify, { dashboard: options.dashboardDir, docs: options.docsDir });
  await app.init();
  await fastify.ready();
  return {
    fastify,
    streams,
    async close() {
      streams.close();
      listening.close();
      await app.close();
    },
  };
}
