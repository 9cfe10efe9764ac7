-- Rows of a file before anybody else sees them. NULL: the file has no such column.
create temporary table device_import_stage (
  line integer not null,
  id uuid not null,
  name text collate "C" not null,
  type text not null,
  tags text,                                 -- comma separated
  site text,
  hardware_revision text,
  notes text,
  attributes text,                           -- JSON
  token_hash bytea
)
