/** Settings of the project and of the person: keys, device types, webhooks; tokens, sessions. */
import { Stack } from '@mantine/core';
import { useParams, useSearch } from '@tanstack/react-router';
import { useMay } from '../../app/role';
import { Page } from '../../components/page';
import { PageTabs } from '../../components/tabs';
import { DeviceTypes } from './device-types';
import { Sessions } from './sessions';
import { SigningKeys } from './signing-keys';
import { SingleSignOn } from './single-sign-on';
import { Tokens } from './tokens';
import { Webhooks } from './webhooks';

export function SettingsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const { tab } = useSearch({ from: '/p/$project/settings' });
  const may = useMay(project);
  const tabs = [
    { id: 'types', label: 'Device types', panel: () => <DeviceTypes project={project} /> },
    { id: 'keys', label: 'Signing keys', panel: () => <SigningKeys project={project} /> },
    ...(may('developer')
      ? [{ id: 'webhooks', label: 'Webhooks', panel: () => <Webhooks project={project} /> }]
      : []),
    { id: 'tokens', label: 'My API tokens', panel: () => <Tokens project={project} /> },
    { id: 'sessions', label: 'My sessions', panel: () => <MySessions project={project} /> },
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
