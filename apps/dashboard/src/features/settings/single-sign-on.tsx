/** Lets the provider lead to the account of who is signed in: its verified address is not enough where an invitation made the account. */
import { Button } from '@mantine/core';
import { useApi } from '../../app/api';
import { Section } from '../../components/page';

export function SingleSignOn({ project }: { project: string }) {
  const provider = useApi('loginOptions').data?.provider ?? null;
  const me = useApi('me');
  if (provider === null || me.data === undefined) return null;
  const next = encodeURIComponent(`/p/${project}/settings?tab=sessions`);
  return (
    <Section title="Single sign-on" about={`Lets ${provider.name} lead to your account, ${me.data.email}`}>
      <Button component="a" variant="default" href={`${provider.path}?link=true&next=${next}`}>
        Link {provider.name}
      </Button>
    </Section>
  );
}
