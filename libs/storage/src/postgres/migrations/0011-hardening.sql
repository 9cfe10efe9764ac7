-- What proves an e-mail address, what a certificate authority has refused for good, and renewals that count once.

-- ---------------------------------------------------------------- people

-- Since when the address is known to be the person's: by an OpenID provider, or because an administrator of the instance says so.
-- A one-time link proves nothing: whoever made it has read it. Single sign-on leads to proven accounts only.
alter table person add column email_proven_at timestamptz;
update person p set email_proven_at = now()
where p.instance_admin or exists (select from person_identity i where i.person_id = p.id);

-- ---------------------------------------------------------------- certificates that stay refused

-- SHA-256 of the SubjectPublicKeyInfo: revocations belong to the key that signed, not to the row of an authority, so that they
-- survive its removal and count for the next certificate of the same key.
alter table device_authority
  add column key_hash bytea,
  add column crl_this_update timestamptz,    -- of the newest revocation list that was taken
  add column crl_next_update timestamptz,
  add column crl_entries integer not null default 0;
create function pg_temp.key_info_of(certificate bytea) returns bytea language plpgsql as $$
declare
  at integer := 0;                           -- offset of the element that is read
  head integer;                              -- bytes of its tag and length
  size integer;                              -- bytes of its content
  left_out integer := -1;                    -- elements of the TBSCertificate that have been passed
begin
  loop
    size := get_byte(certificate, at + 1);
    head := 2;
    if size > 127 then
      head := 2 + (size & 127);
      size := 0;
      for i in 2 .. head - 1 loop size := size * 256 + get_byte(certificate, at + i); end loop;
    end if;
    if left_out < 1 then                     -- into Certificate and TBSCertificate (RFC 5280, 4.1)
      left_out := left_out + 1;
      at := at + head;
      if left_out = 1 and get_byte(certificate, at) <> 160 then left_out := 2; end if; -- no [0] version
    elsif left_out < 7 then                  -- past version, serial, signature, issuer, validity, subject
      left_out := left_out + 1;
      at := at + head + size;
    else
      return substring(certificate from at + 1 for head + size);
    end if;
  end loop;
end $$;
update device_authority set key_hash = sha256(pg_temp.key_info_of(certificate));
alter table device_authority alter column key_hash set not null;

create table revoked_certificate (
  project_id uuid not null,
  key_hash bytea not null,                   -- of the authority at the end of its chain
  serial text not null,                      -- lower-case hexadecimal without leading zeros; of a device's certificate or one between
  reason text not null default '',
  revoked_by text not null,
  revoked_at timestamptz not null default now(),
  primary key (project_id, key_hash, serial),
  foreign key (project_id) references project (id) on delete cascade
);
insert into revoked_certificate (project_id, key_hash, serial, reason, revoked_by, revoked_at)
select r.project_id, a.key_hash, r.serial, r.reason, r.revoked_by, r.revoked_at
from authority_revocation r join device_authority a on a.project_id = r.project_id and a.id = r.authority_id
on conflict do nothing;
drop table authority_revocation;

-- Certificates of credentials that are gone: of devices that were removed, and revoked ones of authorities that were removed.
-- Without it they would register a new device.
create table removed_certificate (
  project_id uuid not null,
  fingerprint bytea not null,                -- SHA-256 of the DER
  ends_at timestamptz,                       -- of the certificate itself: nothing is needed any more then
  removed_at timestamptz not null default now(),
  primary key (project_id, fingerprint),
  foreign key (project_id) references project (id) on delete cascade
);
create index removed_certificate_end_idx on removed_certificate (ends_at);

alter table device_credential
  add column not_after timestamptz,          -- of the certificate; expires_at may be earlier, when it was replaced
  add column between_serials text[] not null default '{}'; -- of the authorities between it and ours
update device_credential set not_after = expires_at where kind = 'certificate';

create function keep_removed_certificate() returns trigger language plpgsql as $$
begin
  -- By a cascade its device, or the whole project, is gone already. An authority that is removed by mistake and comes back takes
  -- its devices again, but no certificate that was revoked or replaced.
  insert into removed_certificate (project_id, fingerprint, ends_at)
  select old.project_id, old.hash, old.not_after
  where exists (select from project where id = old.project_id)
    and (old.revoked_at is not null or old.expires_at <= now()
      or not exists (select from device where project_id = old.project_id and id = old.device_id))
  on conflict do nothing;
  return null;
end $$;
create trigger device_credential_removed after delete on device_credential
  for each row when (old.kind = 'certificate') execute function keep_removed_certificate();

-- ---------------------------------------------------------------- renewals

-- A request for the next certificate that was answered: sent again, whoever sends it, it is answered with the same bytes.
create table certificate_renewal (
  project_id uuid not null,
  request_hash bytea not null,               -- SHA-256 of the request's DER
  credential_id uuid not null,               -- what it was answered with
  certificate bytea not null,                -- DER
  made_at timestamptz not null default now(),
  primary key (project_id, request_hash),
  foreign key (project_id, credential_id) references device_credential (project_id, id) on delete cascade
);
create index certificate_renewal_credential_idx on certificate_renewal (project_id, credential_id);
