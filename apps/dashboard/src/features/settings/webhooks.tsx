/** Webhooks: who is told of which events, what was delivered, and what to send again. */
import { Anchor, Button, Group, MultiSelect, Stack, Switch, Table, Text, TextInput } from '@mantine/core';
import { eventSchemas, NAME_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApiList } from '../../app/api';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Empty, More, Problem, Section } from '../../components/page';
import { MakerAndList, SecretDialog, type ShownOnce } from '../../components/secret';
import { Moment } from '../../components/time';
import { Deliveries } from './deliveries';

type Webhook = Resource<'Webhook'>;
const EVENTS = Object.keys(eventSchemas);
const HEADS = ['Name', 'State', 'Address', 'Events', ACTIONS];

export function Webhooks({ project }: { project: string }) {
  const [shown, setShown] = useState<string>();
  const list = useApiList('webhookList', { params: { project }, query: { limit: 50 } });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const isShown = rows.some(({ name }) => name === shown);
  if (list.data !== undefined && rows.length === 0) {
    return (
      <MakerAndList maker={<EditWebhook project={project} />}>
        <Empty
          title="No webhook yet"
          commands={[
            `npx tinyfleet webhook create ops --to https://ops.example/hook --events device.registered,rollout.changed --project ${project}`,
          ]}
          about="Another program is told of what happens here: a signed POST for each event, tried again with growing pauses when it fails, and to be replayed later."
        />
      </MakerAndList>
    );
  }
  return (
    <MakerAndList maker={<EditWebhook project={project} />}>
      <Section title="Webhooks">
        {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
        <DataTable label="Webhooks" minWidth={820} heads={HEADS}>
          {list.data === undefined ? <SkeletonRows rows={3} columns={HEADS.length} /> : null}
          {rows.map((webhook) => (
            <Row
              key={webhook.name}
              project={project}
              webhook={webhook}
              isShown={shown === webhook.name}
              onShow={() => setShown(shown === webhook.name ? undefined : webhook.name)}
            />
          ))}
        </DataTable>
        <More
          hasNextPage={list.hasNextPage}
          isFetching={list.isFetchingNextPage}
          onMore={() => void list.fetchNextPage()}
        />
      </Section>
      {shown === undefined || !isShown ? null : <Deliveries key={shown} project={project} webhook={shown} />}
    </MakerAndList>
  );
}

function Row(props: { project: string; webhook: Webhook; isShown: boolean; onShow: () => void }) {
  const { project, webhook } = props;
  const remove = useAction('webhookDelete');
  const params = { project, webhook: webhook.name };
  const ifMatch = { 'if-match': `"${webhook.revision}"` };
  return (
    <Table.Tr>
      <Table.Td>
        <Anchor
          component="button"
          type="button"
          size="sm"
          aria-expanded={props.isShown}
          onClick={props.onShow}
        >
          {webhook.name}
        </Anchor>
      </Table.Td>
      <Table.Td>
        <StateBadge
          state={!webhook.enabled ? 'stopped' : webhook.failingSince === null ? 'active' : 'failing'}
        />
        {webhook.failingSince === null ? null : (
          <Text size="xs" c="dimmed" component="div">
            since <Moment at={webhook.failingSince} />
          </Text>
        )}
        {webhook.disabledReason === '' ? null : (
          <Text size="xs" c="dimmed">
            {webhook.disabledReason}
          </Text>
        )}
      </Table.Td>
      <Table.Td className="mono" style={{ overflowWrap: 'anywhere' }}>
        {webhook.url}
      </Table.Td>
      <Table.Td>{webhook.events.join(', ')}</Table.Td>
      <Table.Td ta="right">
        <Group gap={4} justify="flex-end" wrap="nowrap">
          <EditWebhook project={project} webhook={webhook} />
          <NewSecret project={project} name={webhook.name} />
          <Confirm
            verb="Remove"
            subject={`webhook ${webhook.name}`}
            title={`Remove the webhook “${webhook.name}”?`}
            run={() => remove.mutateAsync({ params, headers: ifMatch })}
          >
            What is still to be delivered to it is dropped, and its deliveries are forgotten.
          </Confirm>
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

/** Without a webhook it makes one. */
function EditWebhook({ project, webhook }: { project: string; webhook?: Webhook }) {
  return (
    <SecretDialog<string>
      button={(open) =>
        webhook === undefined ? (
          <Button size="xs" onClick={open}>
            Make a webhook
          </Button>
        ) : (
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={open}
            aria-label={`Edit webhook ${webhook.name}`}
          >
            Edit
          </Button>
        )
      }
      title={() => (webhook === undefined ? 'Make a webhook' : `Edit ${webhook.name}`)}
      size="lg"
      form={(onMade, leave) => (
        <Form
          project={project}
          {...(webhook === undefined ? {} : { webhook })}
          onMade={onMade}
          onSaved={leave}
        />
      )}
      secret={signingSecret}
    />
  );
}

const signingSecret = (secret: string): ShownOnce => ({
  lines: [{ name: 'Signing secret (Standard Webhooks)', text: secret }],
  about:
    'The receiver checks webhook-signature with it: HMAC-SHA256 over id, timestamp and body. docs/api.md has the details.',
});

function Form(props: {
  project: string;
  webhook?: Webhook;
  onMade: (secret: string) => void;
  onSaved: () => void;
}) {
  const { project, webhook } = props;
  const [name, setName] = useState(webhook?.name ?? '');
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [events, setEvents] = useState<string[]>(webhook?.events ?? []);
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true);
  const create = useAction('webhookCreate', ({ secret }) => props.onMade(secret));
  const update = useAction('webhookUpdate', props.onSaved);
  const error = create.error ?? update.error;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (webhook === undefined) {
          create.mutate({ params: { project }, body: { name: name.trim(), url: url.trim(), events } });
        } else {
          update.mutate({
            params: { project, webhook: webhook.name },
            body: { url: url.trim(), events, enabled },
            headers: { 'if-match': `"${webhook.revision}"` },
          });
        }
      }}
    >
      <Stack gap="sm">
        {webhook === undefined ? (
          <TextInput
            label="Name"
            placeholder="ops"
            required
            maxLength={63}
            classNames={{ input: 'mono' }}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            data-autofocus
          />
        ) : null}
        <TextInput
          label="Address"
          description="https, and reachable from the server"
          placeholder="https://ops.example/hook"
          type="url"
          required
          maxLength={2_048}
          value={url}
          onChange={(e) => setUrl(e.currentTarget.value)}
        />
        <MultiSelect
          label="Events"
          required
          searchable
          clearable
          inputContainer={(input) => (
            <>
              {input}
              <Button mt={4} size="compact-xs" variant="subtle" onClick={() => setEvents(EVENTS)}>
                All of them
              </Button>
            </>
          )}
          data={EVENTS}
          value={events}
          onChange={setEvents}
        />
        {webhook === undefined ? null : (
          <Switch
            label="Deliver"
            description={webhook.enabled ? undefined : webhook.disabledReason}
            checked={enabled}
            onChange={(e) => setEnabled(e.currentTarget.checked)}
          />
        )}
        {error === null ? null : <Problem error={error} />}
        <Group justify="flex-end">
          <Button
            type="submit"
            loading={create.isPending || update.isPending}
            disabled={!NAME_PATTERN.test(name.trim()) || url.trim() === '' || events.length === 0}
          >
            {webhook === undefined ? 'Make the webhook' : 'Save'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function NewSecret({ project, name }: { project: string; name: string }) {
  return (
    <SecretDialog<string>
      button={(open) => (
        <Button size="compact-xs" variant="subtle" onClick={open} aria-label={`New secret for ${name}`}>
          New secret
        </Button>
      )}
      title={() => `A new secret for ${name}`}
      form={(onMade, leave) => <RenewForm project={project} name={name} onMade={onMade} onLeave={leave} />}
      secret={signingSecret}
    />
  );
}

function RenewForm(props: {
  project: string;
  name: string;
  onMade: (secret: string) => void;
  onLeave: () => void;
}) {
  const renew = useAction('webhookSecret', ({ secret }) => props.onMade(secret));
  return (
    <Stack gap="sm">
      <Text size="sm">
        Deliveries are signed by both for a day, so that the receiver can change over without losing one.
      </Text>
      {renew.error === null ? null : <Problem error={renew.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={props.onLeave}>
          Cancel
        </Button>
        <Button
          loading={renew.isPending}
          onClick={() => renew.mutate({ params: { project: props.project, webhook: props.name }, body: {} })}
        >
          Make it
        </Button>
      </Group>
    </Stack>
  );
}
