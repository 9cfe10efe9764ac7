-- Devices that are there, or were due within the last day; one that was due earlier is not expected any more.
-- $1 project, $2 most
select d.id, d.name, t.name as type, d.site, d.desired as attributes, m.name || '@' || v.version as release,
  not x.connected and x.next_contact_by <= now() as "isLate"
from presence x
join device d on d.project_id = x.project_id and d.id = x.device_id and d.state not in ('suspended', 'retired')
join device_type t on t.project_id = d.project_id and t.id = d.type_id
left join device_report dr on dr.project_id = d.project_id and dr.device_id = d.id
left join bundle_name b on b.project_id = d.project_id and b.prefix = substring(dr.active_digest for 8)
left join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
left join model m on m.project_id = v.project_id and m.id = v.model_id
where x.project_id = $1 and (x.connected or x.next_contact_by > now() - interval '1 day')
order by d.name limit $2
