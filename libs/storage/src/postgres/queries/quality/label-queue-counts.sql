-- $1 project, $2 up to where unlabelled predictions are counted: by the indexes of the two halves that the queue is read from
select
  (select count(*)::int from (
     (select from prediction where project_id = $1 and label is null and predicted is not null
        and chance_of(boot_id, inference_index) < 0 limit $2::integer)
     union all
     (select from prediction where project_id = $1 and label is null and predicted is not null
        and chance_of(boot_id, inference_index) >= 0 limit $2::integer)
     limit $2::integer) as counted) as unlabelled,
  (select count(*)::int from label_task where project_id = $1 and state = 'open') as open,
  (select count(*)::int from label_task where project_id = $1 and state = 'claimed' and claimed_until > now()) as claimed,
  (select count(*)::int from label_task where project_id = $1 and state = 'skipped') as skipped,
  (select coalesce(sum(labels + asked), 0)::int from accuracy_span where project_id = $1 and span_h = 24) as labelled
