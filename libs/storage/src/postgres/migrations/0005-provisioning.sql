-- How devices prove who they are and how they register themselves: credentials, certificate authorities, provisioning
-- keys with their queue, claim codes (docs/provisioning.md).

-- ---------------------------------------------------------------- certificate authorities

-- Whose certificates a project accepts from devices. unproven: uploaded, its owner has not shown yet that he holds the key.
create table device_authority (
  project_id uuid not null,
  id uuid not null,
  name text not null,
  state text not null,                       -- unproven | active | disabled
  certificate bytea not null,                -- DER
  fingerprint bytea not null,                -- SHA-256 of it
  subject text not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  sealed_key bytea,                          -- PKCS #8 under the instance secret: made here, signs requests of devices
  challenge text,                            -- of an unproven one: common name of the certificate that proves it
  challenge_expires_at timestamptz,
  type_id uuid,                              -- of devices that register by it at their first connect; null: none do
  tags text[] not null default '{}',
  site text not null default '',
  quota integer not null default 0,          -- devices it may register
  registered integer not null default 0,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint device_authority_name_key unique (project_id, name),
  constraint device_authority_fingerprint_key unique (project_id, fingerprint),
  constraint device_authority_project_fkey foreign key (project_id) references project (id) on delete cascade,
  constraint device_authority_type_fkey foreign key (project_id, type_id) references device_type (project_id, id)
);

-- Serial numbers that are refused although their authority signed them.
create table authority_revocation (
  project_id uuid not null,
  authority_id uuid not null,
  serial text not null,                      -- lower-case hexadecimal without leading zeros
  reason text not null default '',
  revoked_by text not null,
  revoked_at timestamptz not null default now(),
  primary key (project_id, authority_id, serial),
  foreign key (project_id, authority_id) references device_authority (project_id, id) on delete cascade
);

-- ---------------------------------------------------------------- credentials

-- A device may hold several: the one it uses, the one that replaces it, a certificate beside a token.
create table device_credential (
  project_id uuid not null,
  id uuid not null,
  device_id uuid not null,
  kind text not null,                        -- token | certificate
  hash bytea not null,                       -- SHA-256 of the token, or of the certificate's DER (its fingerprint)
  sealed_key bytea,                          -- token: HMAC-SHA256(token, 'tinyfleet:device-key:1') under the instance secret
  authority_id uuid,                         -- certificate: by whom
  serial text,
  subject text,
  starts_at timestamptz,                     -- certificate: not before
  expires_at timestamptz,                    -- null: never; a certificate's not after
  replaced_by uuid,                          -- the credential of the same device whose first use ends this one
  revoked_at timestamptz,
  last_used_at timestamptz,                  -- about: written in batches
  warned_at timestamptz,                     -- it was told that this one ends soon
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint device_credential_kind_check check ((kind = 'token') = (authority_id is null)),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade,
  foreign key (project_id, authority_id) references device_authority (project_id, id) on delete cascade
) with (fillfactor = 80);
create index device_credential_device_idx on device_credential (project_id, device_id);
create unique index device_credential_certificate_idx on device_credential (project_id, hash) where kind = 'certificate';
create index device_credential_end_idx on device_credential (expires_at) where expires_at is not null and revoked_at is null;
create index device_credential_authority_idx on device_credential (project_id, authority_id) where authority_id is not null;

insert into device_credential (project_id, id, device_id, kind, hash, sealed_key, created_by, created_at)
select project_id, id, id, 'token', token_hash, sealed_key, 'system', created_at from device
where token_hash <> '';
alter table device drop column token_hash;
alter table device drop column sealed_key;

-- ---------------------------------------------------------------- registering themselves

-- A secret in every unit of a fleet, good for nothing but asking for an identity.
create table provisioning_key (
  project_id uuid not null,
  id uuid not null,
  name text not null,
  hash bytea not null,                       -- SHA-256 of 256 random bits
  prefix text not null,                      -- first characters, to tell keys apart
  name_template text not null,               -- {name}: as the device proposes; {type}, {number}, {random}
  tags text[] not null default '{}',
  site text not null default '',
  quota integer not null,
  used integer not null default 0,
  needs_approval boolean not null,
  max_pending integer not null,
  again text not null,                       -- never | until-connected | always: a device that asks once more
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, id),
  constraint provisioning_key_name_key unique (project_id, name),
  constraint provisioning_key_project_fkey foreign key (project_id) references project (id) on delete cascade
);
-- A device shows the secret alone: it does not have to know its project.
create unique index provisioning_key_hash_idx on provisioning_key (hash);

create table provisioning_key_type (
  project_id uuid not null,
  key_id uuid not null,
  type_id uuid not null,
  primary key (project_id, key_id, type_id),
  foreign key (project_id, key_id) references provisioning_key (project_id, id) on delete cascade,
  foreign key (project_id, type_id) references device_type (project_id, id)
);

-- How a device came in by itself. pending: it waits for a person and is refused at connect; rejected: it is refused for good.
create table device_enrolment (
  project_id uuid not null,
  device_id uuid not null,
  key_id uuid,                               -- by a provisioning key, or
  authority_id uuid,                         -- by its certificate
  state text not null,                       -- pending | approved | rejected
  address text not null,                     -- where it came from
  asked_at timestamptz not null default now(),
  decided_by text,
  decided_at timestamptz,
  primary key (project_id, device_id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade,
  foreign key (project_id, key_id) references provisioning_key (project_id, id) on delete set null (key_id),
  foreign key (project_id, authority_id) references device_authority (project_id, id) on delete set null (authority_id)
);
create index device_enrolment_waiting_idx on device_enrolment (project_id, asked_at, device_id) where state = 'pending';
create index device_enrolment_key_idx on device_enrolment (project_id, key_id);

-- One-time codes that make a device's credential. One open code per device.
create table claim_code (
  project_id uuid not null,
  id uuid not null,
  device_id uuid not null,
  hash bytea not null,                       -- SHA-256 of the code as normalized
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  used_from text,
  primary key (project_id, id),
  foreign key (project_id, device_id) references device (project_id, id) on delete cascade
);
create unique index claim_code_hash_idx on claim_code (hash);
create unique index claim_code_open_idx on claim_code (project_id, device_id) where used_at is null;
