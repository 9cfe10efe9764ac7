-- Firmware: images of a name and version, one per device type, kept as builds that were brought in; and releases that bring
-- one before their model (docs/design/firmware.md).

-- model | firmware. A name is that of a model or of firmware, never of both, so that a release's name says what it is.
alter table model add column component text not null default 'model';

-- Firmware that a release installs before its model; null: none, or the release is of firmware alone.
alter table release add column firmware_version_id uuid;
alter table release add constraint release_firmware_fkey
  foreign key (project_id, firmware_version_id) references model_version (project_id, id);

-- Its image for each device type of the release that has one. Manifests as in release_artifact, under the same sequences.
create table release_firmware (
  project_id uuid not null,
  release_id uuid not null,
  type_id uuid not null,
  build_id uuid not null,
  digest bytea not null,
  bytes bigint not null,
  version text not null,                     -- as devices report it in hello
  manifest bytea,
  fallback_manifest bytea,                   -- sequence 2k + 1 over the image of the release before
  fallback_digest bytea,
  primary key (project_id, release_id, type_id),
  constraint release_firmware_artifact_fkey foreign key (project_id, release_id, type_id)
    references release_artifact (project_id, release_id, type_id) on delete cascade,
  constraint release_firmware_build_fkey foreign key (project_id, build_id) references build (project_id, id),
  constraint release_firmware_blob_fkey foreign key (project_id, digest) references blob (project_id, digest)
);
create index release_firmware_digest_idx on release_firmware (project_id, digest);
alter table release_manifest
  add column firmware_manifest bytea,
  add column firmware_fallback_manifest bytea;

-- Of the running image, where the device names it.
alter table device_report add column firmware_digest bytea;

-- component: what `state` and `offset_bytes` speak of; a deployment with firmware goes through it first.
-- previous_firmware: the image that ran before, for the way back.
alter table deployment
  add column component text not null default 'model',
  add column previous_firmware bytea;

-- Whether a device runs an image: by its digest, or by its version where it names no digest.
create function runs_firmware(report device_report, image bytea, version text) returns boolean
language sql immutable parallel safe as $$
  select coalesce(case when report.firmware_digest is null then report.firmware_version = version
    else report.firmware_digest = image end, false)
$$;
