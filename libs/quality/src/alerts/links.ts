/** Where the evidence of an alert is shown, and where its formula is told. */
import type { Resource } from '@tinyfleet/contracts';
import type { Alert } from './ports.js';

const FORMULAS: Readonly<Record<Alert['kind'], string>> = {
  drift: '/docs/design/quality#from-a-budget-to-pages',
  silence: '/docs/design/quality#silence',
  revoked: '/docs/design/quality#what-is-so',
  away: '/docs/design/quality#what-is-so',
};

/** Paths below the dashboard's address; headings of the documentation are tested to exist. */
export const alertLinks = (
  project: string,
  { number, kind }: Pick<Alert, 'number' | 'kind'>,
): Resource<'AlertDetail'>['links'] => ({
  evidence: `/p/${project}/alerts/${number}`,
  formula: FORMULAS[kind],
});
