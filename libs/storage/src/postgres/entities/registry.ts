/** Projects, device types, devices, models and their versions. */
import {
  bool,
  bytes,
  createdAt,
  entity,
  float,
  int,
  json,
  key,
  long,
  optional,
  text,
  texts,
  time,
  uuid,
} from './define.js';

export interface ProjectRow {
  id: string;
  name: string;
  title: string;
  simulated: boolean;
  windowS: number;
  pickEvery: number;
  revision: number;
  createdAt: Date;
}
export const Project = entity<ProjectRow>(
  'project',
  {
    id: key(),
    name: text(),
    title: text({ default: '' }),
    simulated: bool({ default: false }),
    windowS: int({ default: 3600 }),
    pickEvery: int({ default: 0 }),
    revision: long({ default: 1 }),
    createdAt,
  },
  { unique: { project_name_key: ['name'] } },
);

export interface BlobRow {
  projectId: string;
  digest: Buffer;
  kind: string;
  bytes: number;
  createdAt: Date;
}
export const Blob = entity<BlobRow>(
  'blob',
  { projectId: key(), digest: key('bytea'), kind: text(), bytes: long(), createdAt },
  { foreign: { blob_project_fkey: [['projectId'], 'project', ['id'], 'cascade'] } },
);

export interface DeviceTypeRow {
  projectId: string;
  id: string;
  name: string;
  builtin: boolean;
  spec: Record<string, unknown>;
  revision: number;
  createdAt: Date;
}
export const DeviceType = entity<DeviceTypeRow>(
  'device_type',
  {
    projectId: key(),
    id: key(),
    name: text(),
    builtin: bool(),
    spec: json(),
    revision: long({ default: 1 }),
    createdAt,
  },
  {
    unique: { device_type_name_key: ['projectId', 'name'] },
    foreign: { device_type_project_fkey: [['projectId'], 'project', ['id'], 'cascade'] },
  },
);

export interface DeviceRow {
  projectId: string;
  id: string;
  name: string;
  typeId: string;
  askCounter: number;
  site: string;
  tags: string[];
  desired: Record<string, string | number | boolean>;
  desiredVersion: number;
  state: string;
  claimedAt: Date | null;
  notes: string;
  hardwareRevision: string;
  location: string;
  latitude: number | null;
  longitude: number | null;
  revision: number;
  createdAt: Date;
}
export const Device = entity<DeviceRow>(
  'device',
  {
    projectId: key(),
    id: key(),
    name: text({ collation: 'C' }),
    typeId: uuid(),
    askCounter: long({ default: 0 }),
    site: text({ default: '' }),
    tags: texts({ default: '{}' }),
    desired: json({ default: {} }),
    desiredVersion: long({ default: 0 }),
    state: text({ default: 'registered' }),
    claimedAt: time(optional),
    notes: text({ default: '' }),
    hardwareRevision: text({ default: '' }),
    location: text({ default: '' }),
    latitude: float(optional),
    longitude: float(optional),
    revision: long({ default: 1 }),
    createdAt,
  },
  {
    unique: { device_name_key: ['projectId', 'name'] },
    index: {
      device_type_idx: ['projectId', 'typeId', 'name'],
      device_state_idx: ['projectId', 'state', 'name'],
      device_created_idx: ['projectId', 'createdAt', 'name'],
    },
    otherIndex: {
      device_tags_idx: ['tags'],
      device_site_idx: ['projectId', 'site', 'name'],
      device_hardware_idx: ['projectId', 'hardwareRevision', 'name'],
      device_desired_idx: ['desired'],
      device_name_trigram_idx: ['name'],
    },
    foreign: {
      device_project_fkey: [['projectId'], 'project', ['id'], 'cascade'],
      device_type_fkey: [['projectId', 'typeId'], 'device_type', ['projectId', 'id']],
    },
  },
);

export interface ModelRow {
  projectId: string;
  id: string;
  name: string;
  title: string;
  /** model | firmware */
  component: string;
  createdAt: Date;
}
export const Model = entity<ModelRow>(
  'model',
  {
    projectId: key(),
    id: key(),
    name: text(),
    title: text({ default: '' }),
    component: text({ default: 'model' }),
    createdAt,
  },
  {
    unique: { model_name_key: ['projectId', 'name'] },
    foreign: { model_project_fkey: [['projectId'], 'project', ['id'], 'cascade'] },
  },
);

export interface ModelVersionRow {
  projectId: string;
  id: string;
  modelId: string;
  version: string;
  versionOrder: string;
  format: string;
  fileName: string;
  sourceDigest: Buffer;
  sourceBytes: number;
  contract: Record<string, unknown>;
  inspection: Record<string, unknown>;
  labels: string[];
  validationInputs: Buffer | null;
  validationLabels: Buffer | null;
  validationCalibration: Buffer | null;
  validationCount: number | null;
  notes: string;
  createdBy: string;
  createdAt: Date;
}
export const ModelVersion = entity<ModelVersionRow>(
  'model_version',
  {
    projectId: key(),
    id: key(),
    modelId: uuid(),
    version: text(),
    versionOrder: text(),
    format: text(),
    fileName: text(),
    sourceDigest: bytes(),
    sourceBytes: long(),
    contract: json(),
    inspection: json(),
    labels: texts(),
    validationInputs: bytes(optional),
    validationLabels: bytes(optional),
    validationCalibration: bytes(optional),
    validationCount: int(optional),
    notes: text({ default: '' }),
    createdBy: text(),
    createdAt,
  },
  {
    unique: { model_version_key: ['projectId', 'modelId', 'version'] },
    foreign: {
      model_version_model_fkey: [['projectId', 'modelId'], 'model', ['projectId', 'id'], 'cascade'],
      model_version_source_fkey: [['projectId', 'sourceDigest'], 'blob', ['projectId', 'digest']],
    },
  },
);
