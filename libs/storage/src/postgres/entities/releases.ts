/** Builds, signing keys and releases. */
import { bytes, createdAt, entity, int, json, key, long, optional, text, time, uuid } from './define.js';

export interface BuildRow {
  projectId: string;
  id: string;
  modelVersionId: string;
  typeId: string;
  state: string;
  stage: string;
  progress: number;
  options: Record<string, unknown>;
  sourceDigest: Buffer;
  optionsDigest: Buffer;
  attempt: number;
  bundleDigest: Buffer | null;
  bundleBytes: number | null;
  report: Record<string, unknown> | null;
  error: Record<string, unknown> | null;
  createdBy: string;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}
export const Build = entity<BuildRow>(
  'build',
  {
    projectId: key(),
    id: key(),
    modelVersionId: uuid(),
    typeId: uuid(),
    state: text(),
    stage: text({ default: '' }),
    progress: { type: 'real', default: 0 },
    options: json({ default: {} }),
    sourceDigest: bytes(),
    optionsDigest: bytes(),
    attempt: int({ default: 1 }),
    bundleDigest: bytes(optional),
    bundleBytes: long(optional),
    report: json(optional),
    error: json(optional),
    createdBy: text(),
    createdAt,
    startedAt: time(optional),
    finishedAt: time(optional),
  },
  {
    unique: { build_key: ['projectId', 'modelVersionId', 'typeId', 'optionsDigest'] },
    index: {
      build_source_idx: ['projectId', 'sourceDigest', 'typeId', 'optionsDigest'],
      build_bundle_idx: ['projectId', 'bundleDigest'],
    },
    foreign: {
      build_version_fkey: [['projectId', 'modelVersionId'], 'model_version', ['projectId', 'id'], 'cascade'],
      build_type_fkey: [['projectId', 'typeId'], 'device_type', ['projectId', 'id']],
      build_bundle_fkey: [['projectId', 'bundleDigest'], 'blob', ['projectId', 'digest']],
    },
  },
);

export interface SigningKeyRow {
  projectId: string;
  id: string;
  algorithm: string;
  publicKey: Buffer;
  privateKey: Buffer | null;
  keySequence: number;
  state: string;
  createdAt: Date;
  retiredAt: Date | null;
}
export const SigningKey = entity<SigningKeyRow>(
  'signing_key',
  {
    projectId: key(),
    id: key(),
    algorithm: text(),
    publicKey: bytes(),
    privateKey: bytes(optional),
    keySequence: int(),
    state: text({ default: 'active' }),
    createdAt,
    retiredAt: time(optional),
  },
  {
    unique: { signing_key_sequence_key: ['projectId', 'keySequence'] },
    foreign: { signing_key_project_fkey: [['projectId'], 'project', ['id'], 'cascade'] },
  },
);

export interface ReleaseRow {
  projectId: string;
  id: string;
  modelVersionId: string;
  sequence: number;
  state: string;
  floor: number;
  soakS: number;
  notes: string;
  keyId: string | null;
  previousReleaseId: string | null;
  firmwareVersionId: string | null;
  provenance: Record<string, unknown>;
  createdBy: string;
  createdAt: Date;
  signedAt: Date | null;
  notAfter: Date | null;
  stateAt: Date | null;
  stateBy: string | null;
  stateReason: string;
  statement: string | null;
  bom: string | null;
}
export const Release = entity<ReleaseRow>(
  'release',
  {
    projectId: key(),
    id: key(),
    modelVersionId: uuid(),
    sequence: long(),
    state: text(),
    floor: long({ default: 0 }),
    soakS: int({ default: 0 }),
    notes: text({ default: '' }),
    keyId: uuid(optional),
    previousReleaseId: uuid(optional),
    firmwareVersionId: uuid(optional),
    provenance: json({ default: {} }),
    createdBy: text(),
    createdAt,
    signedAt: time(optional),
    notAfter: time(optional),
    stateAt: time(optional),
    stateBy: text(optional),
    stateReason: text({ default: '' }),
    statement: text(optional),
    bom: text(optional),
  },
  {
    unique: {
      release_sequence_key: ['projectId', 'sequence'],
      release_version_key: ['projectId', 'modelVersionId'],
    },
    foreign: {
      release_version_fkey: [
        ['projectId', 'modelVersionId'],
        'model_version',
        ['projectId', 'id'],
        'cascade',
      ],
      release_key_fkey: [['projectId', 'keyId'], 'signing_key', ['projectId', 'id']],
      release_firmware_fkey: [['projectId', 'firmwareVersionId'], 'model_version', ['projectId', 'id']],
    },
  },
);

export interface ReleaseArtifactRow {
  projectId: string;
  releaseId: string;
  typeId: string;
  buildId: string;
  bundleDigest: Buffer;
  bundleBytes: number;
  manifest: Buffer | null;
  fallbackManifest: Buffer | null;
  fallbackDigest: Buffer | null;
}
export const ReleaseArtifact = entity<ReleaseArtifactRow>(
  'release_artifact',
  {
    projectId: key(),
    releaseId: key(),
    typeId: key(),
    buildId: uuid(),
    bundleDigest: bytes(),
    bundleBytes: long(),
    manifest: bytes(optional),
    fallbackManifest: bytes(optional),
    fallbackDigest: bytes(optional),
  },
  {
    index: { release_artifact_digest_idx: ['projectId', 'bundleDigest'] },
    foreign: {
      release_artifact_release_fkey: [['projectId', 'releaseId'], 'release', ['projectId', 'id'], 'cascade'],
      release_artifact_build_fkey: [['projectId', 'buildId'], 'build', ['projectId', 'id']],
      release_artifact_type_fkey: [['projectId', 'typeId'], 'device_type', ['projectId', 'id']],
      release_artifact_bundle_fkey: [['projectId', 'bundleDigest'], 'blob', ['projectId', 'digest']],
    },
  },
);
