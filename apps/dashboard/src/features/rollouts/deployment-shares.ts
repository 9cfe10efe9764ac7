/** Order, colour and grouping of deployment states, one place for every bar and legend. */
import type { Resource } from '@tinyfleet/contracts';
import type { Share } from '../../components/stacked-bar';

type State = Resource<'DeploymentState'>;

const GROUPS: readonly {
  readonly label: string;
  readonly color: string;
  readonly states: readonly State[];
}[] = [
  { label: 'active', color: '#009e73', states: ['active'] },
  { label: 'shadow', color: '#5e81ac', states: ['shadow', 'compared'] },
  { label: 'soaking', color: '#56b4e9', states: ['soak'] },
  { label: 'installing', color: '#1f87c9', states: ['verified', 'staged', 'trial'] },
  { label: 'fetching', color: '#cc79a7', states: ['offered', 'fetching'] },
  { label: 'waiting', color: '#9aa2a9', states: ['waiting', 'held'] },
  { label: 'control', color: '#c3c9ce', states: ['control'] },
  { label: 'going back', color: '#0072b2', states: ['returning'] },
  { label: 'back', color: '#7f6bb3', states: ['returned'] },
  { label: 'silent', color: '#e69f00', states: ['silent', 'unreached'] },
  { label: 'incompatible', color: '#8a7f00', states: ['incompatible'] },
  { label: 'failed', color: '#d55e00', states: ['failed', 'reverted'] },
  { label: 'aborted', color: '#6f6f6f', states: ['aborted'] },
];

/** Counts by state as shares of a bar, in the order a deployment goes through. */
export function deploymentShares(counts: Partial<Record<State, number>>): Share[] {
  return GROUPS.map(({ label, color, states }) => ({
    label,
    color,
    value: states.reduce((sum, state) => sum + (counts[state] ?? 0), 0),
  }));
}
