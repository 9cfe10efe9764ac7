/** Settings of the project, of the person and of the instance, a tab each. */
import { Stack } from '@mantine/core';
import { useParams, useSearch } from '@tanstack/react-router';
import { useApi } from '../../app/api';
import { useMay } from '../../app/role';
import { Page } from '../../components/page';
import { PageTabs } from '../../components/tabs';
import { Accounts } from './accounts';
import { BulkJobs } from './bulk-jobs';
import { DeviceTypes } from './device-types';
import { Retention } from './retention';
import { Sessions } from './sessions';
import { SigningKeys } from './signing-keys';
import { SingleSignOn } from './single-sign-on';
import { Tokens } from './tokens';
import { Webhooks } from './webhooks';

export function SettingsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const { tab } = useSearch({ from: '/p/$project/settings' });
  const may = useMay(project);
  const me = useApi('me');
  const tabs = [
    { id: 'types', label: 'Device types', panel: () => <DeviceTypes project={project} /> },
    { id: 'keys', label: 'Signing keys', panel: () => <SigningKeys project={project} /> },
    ...(may('developer')
      ? [{ id: 'webhooks', label: 'Webhooks', panel: () => <Webhooks project={project} /> }]
      : []),
    { id: 'retention', label: 'Retention', panel: () => <Retention project={project} /> },
    { id: 'jobs', label: 'Bulk jobs', panel: () => <BulkJobs project={project} /> },
    { id: 'tokens', label: 'My API tokens', panel: () => <Tokens project={project} /> },
    { id: 'sessions', label: 'My sessions', panel: () => <MySessions project={project} /> },
    ...(me.data?.isAdmin === true ? [{ id: 'accounts', label: 'Accounts', panel: () => <Accounts /> }] : []),
  ];
  return (
    <Page title="Settings">
      <PageTabs label="Settings" tabs={tabs} chosen={tab} />
    </Page>
  );
}

function MySessions({ project }: { project: string }) {
  return (
    <Stack gap="lg">
      <Sessions />
      <SingleSignOn project={project} />
    </Stack>
  );
}
