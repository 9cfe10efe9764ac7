-- What late and repeated reports come to, and limits that count over a project (docs/design/rollouts.md).

-- runs, agreed, skipped, disagreed: over all starts of the device. boots: the last report of each of its last starts, so that
-- one that comes late or again is merged and not added (libs/rollouts/src/shadow/counters.ts).
alter table shadow_count add column boots jsonb not null default '[]';
update shadow_count set
  boots = jsonb_build_array(jsonb_build_object('bootId', boot_id::text, 'sequence', sequence, 'runs', runs, 'agreed', agreed,
    'skipped', skipped, 'disagreed', to_jsonb(disagreed))),
  runs = before_runs + runs, agreed = before_agreed + agreed, skipped = before_skipped + skipped,
  disagreed = array_sum(before_disagreed, disagreed);
alter table shadow_count drop column boot_id, drop column sequence, drop column before_runs, drop column before_agreed,
  drop column before_skipped, drop column before_disagreed;

-- Over all rollouts of a project together; null: no limit.
alter table rollout_settings add column devices_per_minute integer, add column concurrent_transfers integer;
