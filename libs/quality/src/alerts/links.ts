/** Where the evidence of an alert is shown, and where its formula is told. */
import type { Resource } from '@tinyfleet/contracts';
import type { Alert, AlertEvidence } from './ports.js';

/** Of alerts that do not say what spoke. */
const OF_KIND: Readonly<Record<Alert['kind'], string>> = {
  drift: '/docs/design/quality#from-a-budget-to-pages',
  silence: '/docs/design/quality#silence',
  revoked: '/docs/design/quality#what-is-so',
  away: '/docs/design/quality#what-is-so',
};

/** Paths below the dashboard's address; headings of the documentation are tested to exist. */
export const alertLinks = (
  project: string,
  { number, kind, formula }: Pick<Alert, 'number' | 'kind'> & Pick<AlertEvidence, 'formula'>,
): Resource<'AlertDetail'>['links'] => ({
  evidence: `/p/${project}/alerts/${number}`,
  formula: formula === undefined ? OF_KIND[kind] : `/docs/formulas#${formula}`,
});
