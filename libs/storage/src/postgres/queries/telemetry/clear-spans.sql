-- Spans of one day: none reaches over midnight. $1 project, $2 midnight, $3 the next one.
delete from rollup_span where project_id = $1 and at >= $2 and at < $3
