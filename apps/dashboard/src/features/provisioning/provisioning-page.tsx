/** How devices get an identity: who waits to be let in, keys for whole lines, claim codes, certificate authorities. */
import { Badge } from '@mantine/core';
import { useParams, useSearch } from '@tanstack/react-router';
import { useApi } from '../../app/api';
import { useMay } from '../../app/role';
import { Page } from '../../components/page';
import { PageTabs } from '../../components/tabs';
import { Authorities } from './authorities';
import { ClaimCodes } from './claim-codes';
import { Keys } from './keys';
import { Waiting } from './waiting';

export function ProvisioningPage() {
  const { project } = useParams({ from: '/p/$project' });
  const { tab } = useSearch({ from: '/p/$project/provisioning' });
  const may = useMay(project);
  const waiting = useApi('enrolmentList', { params: { project }, query: { limit: 100, state: 'pending' } });
  const count = waiting.data?.items.length ?? 0;
  const tabs = [
    {
      id: 'waiting',
      label: 'Waiting',
      badge:
        count === 0 ? null : (
          <Badge size="sm" variant="filled" color="orange.9">
            {waiting.data?.nextCursor === null ? count : `${count}+`}
          </Badge>
        ),
      panel: () => <Waiting project={project} />,
    },
    ...(may('operator')
      ? [
          { id: 'keys', label: 'Keys', panel: () => <Keys project={project} /> },
          { id: 'codes', label: 'Claim codes', panel: () => <ClaimCodes project={project} /> },
        ]
      : []),
    {
      id: 'authorities',
      label: 'Certificate authorities',
      panel: () => <Authorities project={project} />,
    },
  ];
  return (
    <Page title="Provisioning" about="How devices get the identity they connect with.">
      <PageTabs label="Ways to an identity" tabs={tabs} chosen={tab} />
    </Page>
  );
}
