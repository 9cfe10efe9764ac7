-- The way back of firmware that came before a model (docs/design/firmware.md).

-- How devices of a type get an image again that they ran before this release: by its own fallback where that leads to it, else by
-- the newest other release that has it, alone or before a model. No row: by none, or all that have it were revoked.
create function image_way_back(project uuid, release uuid, type uuid, image bytea)
returns table (release_id uuid, fallback boolean)
language sql stable parallel safe as $$
  with having_it as (
    select h.release_id, h.manifest, r.state, r.sequence
    from (
      select a.release_id, a.manifest from release_artifact a
      where a.project_id = project and a.type_id = type and a.bundle_digest = image
      union all
      select f.release_id, f.manifest from release_firmware f
      where f.project_id = project and f.type_id = type and f.digest = image
    ) as h join release r on r.project_id = project and r.id = h.release_id
  )
  select way.release_id, way.fallback from (
    select rf.release_id, true as fallback, 0::bigint as sequence from release_firmware rf
    where rf.project_id = project and rf.release_id = release and rf.type_id = type
      and rf.fallback_manifest is not null and rf.fallback_digest = image
      and not exists (select from having_it having bool_and(state = 'revoked'))
    union all
    select h.release_id, false, h.sequence from having_it h
    where h.manifest is not null and h.state in ('approved', 'deprecated')
  ) as way order by way.fallback desc, way.sequence desc limit 1
$$;
