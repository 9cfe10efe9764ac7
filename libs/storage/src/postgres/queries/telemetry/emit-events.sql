-- Several events of one project with one lock of its counter. $1 project, $2 types, $3 data. Last in a transaction.
with base as (
  select next_number($1::uuid, 'event', cardinality($2::text[])) as last
), written as (
  insert into event (project_id, number, type, data)
  select $1::uuid, base.last - cardinality($2::text[]) + u.i, u.type, u.data
  from base, unnest($2::text[], $3::jsonb[]) with ordinality as u (type, data, i)
  returning number, type
)
select pg_notify('tinyfleet_event', concat_ws(':', $1::text, max(number), string_agg(distinct type, ','))) from written
