-- Accounts without a password (single sign-on), one-time links, sessions that people can see, scoped tokens, and an
-- audit log that says from where and can be searched.

alter table person
  alter column password_hash drop not null,  -- null: signs in elsewhere, or has not accepted yet
  add column disabled_at timestamptz,        -- since then nothing of this person's is admitted
  add column last_login_at timestamptz;

-- An account at an OpenID provider: the pair is the identity, the e-mail address only leads to it the first time.
create table person_identity (
  issuer text not null,
  subject text not null,
  person_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (issuer, subject),
  constraint person_identity_person_fkey foreign key (person_id) references person (id) on delete cascade
);
create index person_identity_person_idx on person_identity (person_id);

-- A row is an open invitation; accepting, revoking and inviting again remove it.
create table invitation (
  id uuid primary key,
  token_hash bytea not null,                 -- SHA-256 of the one-time link's secret
  email text not null,                       -- lower case
  project_id uuid,                           -- null: an account without a project
  role text,                                 -- in the project
  instance_admin boolean not null default false,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint invitation_token_key unique (token_hash),
  constraint invitation_email_key unique nulls not distinct (project_id, email),
  constraint invitation_project_fkey foreign key (project_id) references project (id) on delete cascade
);

create table password_reset (
  person_id uuid primary key,                -- the newest link replaces the one before
  token_hash bytea not null,
  expires_at timestamptz not null,
  constraint password_reset_token_key unique (token_hash),
  constraint password_reset_person_fkey foreign key (person_id) references person (id) on delete cascade
);

alter table session
  add column id uuid not null default gen_random_uuid(), -- what lists show; the key stays secret
  add column last_used_at timestamptz not null default now(),
  add column via text not null default 'password',       -- password | oidc | link
  add column address text,
  add column user_agent text,
  add constraint session_id_key unique (id);
alter table session alter column id drop default;        -- it was for the rows there are

alter table api_token
  add column areas text[],                   -- parts of the API it may use; null = all
  add column read_only boolean not null default false,
  add constraint api_token_name_key unique nulls not distinct (person_id, name);

alter table audit
  add column before jsonb,
  add column after jsonb,
  add column address text,
  add column user_agent text,
  add column token text;                     -- name of the API token, when one was used
create index audit_actor_idx on audit (actor, id);
create index audit_target_idx on audit (target, id);

-- Who may do what has changed: open event streams ask again. Payload: nothing, there are few of them.
create function tell_access_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('tinyfleet_access', '');
  return null;
end $$;
create trigger person_access_changed after update or delete on person for each statement execute function tell_access_changed();
create trigger member_access_changed after update or delete on member for each statement execute function tell_access_changed();
create trigger session_access_changed after delete on session for each statement execute function tell_access_changed();
create trigger api_token_access_changed after delete on api_token for each statement execute function tell_access_changed();
