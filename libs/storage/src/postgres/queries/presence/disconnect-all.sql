-- Nobody is connected to an edge that starts: each has its usual wait again, from now on.
update presence set connected = false,
  next_contact_by = now() + (next_contact_by - last_seen_at),
  lost_at = now() + (lost_at - last_seen_at),
  outage = (select coalesce(max(number), 0) from outage)
where connected
