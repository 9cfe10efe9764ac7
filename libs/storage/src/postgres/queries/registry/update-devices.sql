-- One change of many devices. $1 project, $2 ids, $3 tags to add, $4 tags to take, $5 site, $6 hardware revision, $7 notes,
-- $8 whether the place changes, $9-$11 the place, $12 desired attributes to set, $13 keys to remove. Null: as it is.
update device d set
  tags = case when $3::text[] is null and $4::text[] is null then d.tags else array(
    select tag from unnest(d.tags || coalesce($3::text[], '{}')) as tag
    where tag <> all (coalesce($4::text[], '{}')) group by tag order by tag collate "C") end,
  site = coalesce($5, d.site),
  hardware_revision = coalesce($6, d.hardware_revision),
  notes = coalesce($7, d.notes),
  location = case when $8::boolean then $9::text else d.location end,
  latitude = case when $8::boolean then $10::float8 else d.latitude end,
  longitude = case when $8::boolean then $11::float8 else d.longitude end,
  desired = case when $12::jsonb is null then d.desired else (d.desired || $12::jsonb) - $13::text[] end,
  desired_version = d.desired_version + case when $12::jsonb is null then 0 else 1 end,
  revision = d.revision + 1
where d.project_id = $1 and d.id = any ($2::uuid[])
