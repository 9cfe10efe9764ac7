-- Releases have a life of their own, apart from being signed (docs/design/releases.md); provenance; keys that are withdrawn
-- or revoked.

-- state: draft | validated | approved | deprecated | revoked. What was signed could be rolled out, and still can.
alter table release
  add column state_at timestamptz,
  add column state_by text,
  add column state_reason text not null default '',
  add column statement text;                 -- in-toto statement, as it is signed; null: nobody has asked for it yet
update release set state = 'approved' where state = 'signed';

-- Signatures of release.statement: DSSE, 64 bytes of Ed25519.
create table release_provenance (
  project_id uuid not null,
  release_id uuid not null,
  key_id uuid not null,
  signature bytea not null,
  signed_at timestamptz not null default now(),
  primary key (project_id, release_id, key_id),
  foreign key (project_id, release_id) references release (project_id, id) on delete cascade,
  foreign key (project_id, key_id) references signing_key (project_id, id)
);

-- signing_key.state: next | active | retired | withdrawn (was next) | revoked (was retired: nothing by it is offered).
