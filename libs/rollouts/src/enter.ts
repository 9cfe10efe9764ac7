/** A rollout enters a state. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { OpenRollout, RolloutMoves } from './ports.js';

/**
 * Short telemetry windows cost energy and traffic on both sides of a gate: they are asked for while the engine judges it, and
 * neither while a rollout is paused nor while it waits for somebody's yes.
 */
export async function enter(
  moves: Pick<RolloutMoves, 'setState' | 'setWindow'>,
  scope: ProjectScope,
  { id, plan, step }: Pick<OpenRollout, 'id' | 'plan' | 'step'>,
  change: Parameters<RolloutMoves['setState']>[2],
): Promise<void> {
  await moves.setState(scope, id, change);
  const asked = change.state === 'running' ? plan[step]?.gates?.windowSeconds : undefined;
  await moves.setWindow(scope, id, asked ?? null);
}
