/** What rollouts may do with this device: everything, or a rule of its own: pinned, held, excluded. */
import { Button, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatActor } from '../../app/format';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
import { Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { parseDuration } from '../rollouts/duration-text';

type Rule = Resource<'UpdateRule'>;

export function UpdateRule({ project, device }: { project: string; device: Resource<'Device'> }) {
  const may = useMay(project);
  const params = { project, device: device.name };
  const rules = useApi('updateRuleList', { params: { project }, query: { device: device.name, limit: 1 } });
  const remove = useAction('updateRuleRemove');
  const [rule] = rules.data?.items ?? [];
  return (
    <Section
      title="Updates"
      about="What rollouts may do with it"
      actions={
        may('operator') && device.state !== 'retired' ? (
          <Group gap="xs">
            <SetRule project={project} device={device.name} rule={rule} />
            {rule === undefined ? null : (
              <Confirm
                variant="default"
                isHarmless
                verb="Remove the rule"
                subject={`of ${device.name}`}
                title={`Let rollouts have ${device.name} again?`}
                run={() => remove.mutateAsync({ params })}
              >
                Rollouts that run now and later may offer it their release.
              </Confirm>
            )}
          </Group>
        ) : null
      }
    >
      {rules.error === null ? (
        <Text size="sm" mih={22} component="div">
          {rules.data === undefined ? (
            ' '
          ) : rule === undefined ? (
            'No rule: rollouts may have it.'
          ) : (
            <Words rule={rule} />
          )}
        </Text>
      ) : (
        <Problem error={rules.error} onRetry={() => void rules.refetch()} />
      )}
    </Section>
  );
}

function Words({ rule }: { rule: Rule }) {
  return (
    <>
      {rule.kind === 'pin' ? (
        <>
          <b>Pinned</b> to {rule.release}: it takes that and no other.
        </>
      ) : null}
      {rule.kind === 'hold' ? (
        <>
          <b>Held</b> as it is{' '}
          {rule.until === null ? (
            'until the rule is removed.'
          ) : (
            <>
              until {new Date(rule.until).toLocaleString()} (<Moment at={rule.until} />
              ).
            </>
          )}
        </>
      ) : null}
      {rule.kind === 'exclude' ? (
        <>
          <b>Excluded</b>: no rollout counts it.
        </>
      ) : null}
      <Text size="xs" c="dimmed">
        {rule.reason === '' ? '' : `${rule.reason} · `}by {formatActor(rule.createdBy)},{' '}
        <Moment at={rule.createdAt} />
      </Text>
    </>
  );
}

const ABOUT: Readonly<Record<Rule['kind'], string>> = {
  hold: 'It stays as it is. Rollouts leave it out of their counts and offer it theirs when the hold is over.',
  pin: 'It takes this release and no other. Rollouts of other releases pass it by.',
  exclude: 'No rollout counts it or offers it anything.',
};

function SetRule(props: { project: string; device: string; rule: Rule | undefined }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>
        {props.rule === undefined ? 'Make a rule' : 'Change the rule'}
      </Button>
      <Modal opened={opened} onClose={close} title={`Updates of ${props.device}`}>
        <RuleForm {...props} onDone={close} />
      </Modal>
    </>
  );
}

function RuleForm(props: { project: string; device: string; rule: Rule | undefined; onDone: () => void }) {
  const { project, device } = props;
  const [kind, setKind] = useState<Rule['kind']>(props.rule?.kind ?? 'hold');
  const [release, setRelease] = useState(props.rule?.release ?? null);
  const [length, setLength] = useState('');
  const [reason, setReason] = useState(props.rule?.reason ?? '');
  const releases = useApi(
    'releaseList',
    { params: { project }, query: { limit: 100 } },
    { enabled: kind === 'pin' },
  );
  const set = useAction('updateRuleSet', props.onDone);
  const seconds = length.trim() === '' ? null : parseDuration(length);
  const isReady = kind === 'pin' ? release !== null : kind === 'exclude' || seconds !== undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const until =
          kind === 'hold' && typeof seconds === 'number'
            ? new Date(Date.now() + 1_000 * seconds).toISOString()
            : null;
        set.mutate({
          params: { project, device },
          body: { kind, release: kind === 'pin' ? release : null, until, reason: reason.trim() },
        });
      }}
    >
      <Stack gap="sm">
        <SegmentedControl
          aria-label="Rule"
          data={[
            { value: 'hold', label: 'Hold' },
            { value: 'pin', label: 'Pin' },
            { value: 'exclude', label: 'Exclude' },
          ]}
          value={kind}
          onChange={(next) => setKind(next === 'pin' || next === 'exclude' ? next : 'hold')}
        />
        <Text size="sm" mih={44}>
          {ABOUT[kind]}
        </Text>
        {kind === 'pin' ? (
          <Select
            label="Release"
            searchable
            required
            data={releases.data?.items.map(({ ref }) => ref) ?? []}
            value={release}
            onChange={setRelease}
          />
        ) : null}
        {kind === 'hold' ? (
          <TextInput
            label="For how long"
            placeholder="until the rule is removed"
            value={length}
            error={seconds === undefined ? 'Write 90 min, 6 h or 7 d.' : undefined}
            onChange={(e) => setLength(e.currentTarget.value)}
          />
        ) : null}
        <TextInput
          label="Why"
          maxLength={500}
          value={reason}
          onChange={(e) => setReason(e.currentTarget.value)}
        />
        {set.error === null ? null : <Problem error={set.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={set.isPending} disabled={!isReady}>
            {kind === 'hold' ? 'Hold it' : kind === 'pin' ? 'Pin it' : 'Exclude it'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
