-- A turn of the engine costs what has changed, not what waits (docs/design/rollouts.md).

-- The next ones to be offered a release, in their order.
create index deployment_waiting_idx on deployment (project_id, rollout_id, number) where state = 'waiting';
create index desired_state_offer_until_idx on desired_state (project_id, offer_until) where offer_until is not null;
