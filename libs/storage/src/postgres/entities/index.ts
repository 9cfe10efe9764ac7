/** Every table that TypeORM maps; set-based tables (telemetry, events, rollouts) are named SQL only. */
import { ApiToken, Member, Person, Session } from './people.js';
import { Blob, Device, DeviceType, Model, ModelVersion, Project } from './registry.js';
import { Build, Release, ReleaseArtifact, SigningKey } from './releases.js';

export * from './people.js';
export * from './registry.js';
export * from './releases.js';

export const entities = [
  Person,
  Member,
  Session,
  ApiToken,
  Project,
  Blob,
  DeviceType,
  Device,
  Model,
  ModelVersion,
  Build,
  SigningKey,
  Release,
  ReleaseArtifact,
];
