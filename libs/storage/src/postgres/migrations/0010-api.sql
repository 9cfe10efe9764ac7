-- Sign-in of the command line: a code that a person approves in a browser becomes an API token, which is shown and
-- ended as sessions are.

alter table api_token
  add column login_via text,                 -- password | oidc | link: made by signing in; null: made by hand
  add column address text,                   -- where a login came from
  add column user_agent text;

create table cli_login (
  code_hash bytea primary key,               -- SHA-256 of the one-time code
  challenge text not null,                   -- of RFC 7636: SHA-256 of what only the command line knows, base64url
  person_id uuid not null,
  machine text not null,                     -- as it calls itself
  login_via text not null,                   -- how the person had signed in
  token_days integer not null,               -- how long the token will be good for
  expires_at timestamptz not null,
  constraint cli_login_person_fkey foreign key (person_id) references person (id) on delete cascade
);
create index cli_login_expires_idx on cli_login (expires_at);
create index cli_login_person_idx on cli_login (person_id);
