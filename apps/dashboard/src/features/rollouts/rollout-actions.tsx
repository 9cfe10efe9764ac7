/** What people do with a rollout. Each button says what will happen before it does. */
import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
import { Problem } from '../../components/page';

type Rollout = Resource<'Rollout'>;
interface Props {
  readonly project: string;
  readonly rollout: Rollout;
}

const failuresOf = ({ counts }: Rollout): number =>
  (counts.failed ?? 0) + (counts.reverted ?? 0) + (counts.silent ?? 0);

export function RolloutActions({ project, rollout }: Props) {
  const may = useMay(project);
  const params = { project, number: rollout.number };
  const pause = useAction('rolloutPause');
  const resume = useAction('rolloutResume');
  const approve = useAction('rolloutApprove');
  const skip = useAction('rolloutSkip');
  const retry = useAction('rolloutRetry');
  const abort = useAction('rolloutAbort');
  if (!may('operator')) return null;
  const { state, release, step, steps } = rollout;
  const subject = `rollout ${rollout.number}`;
  const failures = failuresOf(rollout);
  const isOpen = state === 'running' || state === 'paused';
  return (
    <>
      {state === 'running' ? (
        <Confirm
          variant="default"
          isHarmless
          verb="Pause"
          subject={subject}
          title={`Pause ${subject}?`}
          run={() => pause.mutateAsync({ params })}
        >
          No further device is offered {release}. Devices that are under way go on.
        </Confirm>
      ) : null}
      {state === 'paused' ? (
        <Confirm
          variant="filled"
          isHarmless
          verb="Resume"
          subject={subject}
          title={`Resume ${subject}?`}
          run={() => resume.mutateAsync({ params })}
        >
          It goes on with step {step + 1}.{' '}
          {failures === 0
            ? 'Its gates begin anew.'
            : `The ${plural(failures, 'failure')} until now are accepted: only further ones count, and gates begin anew.`}
        </Confirm>
      ) : null}
      {state === 'awaiting-approval' ? (
        <Confirm
          variant="filled"
          isHarmless
          asksWhy
          verb="Approve"
          subject={subject}
          title={`Say yes to ${subject}?`}
          run={(reason) => approve.mutateAsync({ params, body: { reason } })}
        >
          It goes on at once. Who started it cannot say yes.
        </Confirm>
      ) : null}
      {isOpen && step + 1 < steps.length ? (
        <Confirm
          variant="default"
          isHarmless
          asksWhy
          verb="Skip the step"
          subject={`of ${subject}`}
          title={`Go on without waiting for step ${step + 1}?`}
          run={(reason) => skip.mutateAsync({ params, body: { reason } })}
        >
          Step {step + 2} of {steps.length}, {steps[step + 1]} % of the devices, begins now. Neither soak nor
          gates of this step are waited for.
        </Confirm>
      ) : null}
      {isOpen && failures > 0 ? (
        <Confirm
          variant="default"
          isHarmless
          asksWhy
          verb="Retry failed"
          subject={`of ${subject}`}
          title={`Offer it again to ${plural(failures, 'device')}?`}
          run={(reason) => retry.mutateAsync({ params, body: { reason } })}
        >
          Devices that failed or fell silent are offered {release} once more, and the step is judged anew.
        </Confirm>
      ) : null}
      {rollout.kind === 'shadow' ? null : <RollBack project={project} rollout={rollout} />}
      {isOpen || state === 'awaiting-approval' ? (
        <Confirm
          variant="default"
          verb="Abort"
          subject={subject}
          title={`Abort ${subject} for good?`}
          cancel="Go on"
          run={() => abort.mutateAsync({ params })}
        >
          No further device is offered {release}. Devices that have not switched get back what they should
          run; the {plural(rollout.counts.active ?? 0, 'device')} that run it keep it. To bring those back
          too, roll back instead.
        </Confirm>
      ) : null}
    </>
  );
}

const WHOLE: readonly Rollout['state'][] = [
  'running',
  'paused',
  'awaiting-approval',
  'succeeded',
  'failed',
  'aborted',
];

function RollBack({ project, rollout }: Props) {
  const [opened, { open, close }] = useDisclosure();
  if (!WHOLE.includes(rollout.state)) return null;
  return (
    <>
      <Button
        size="compact-sm"
        color="red"
        variant="default"
        aria-label={`Roll back rollout ${rollout.number}`}
        onClick={open}
      >
        Roll back
      </Button>
      <Modal opened={opened} onClose={close} title={`Roll back rollout ${rollout.number}?`} centered>
        <RollBackForm project={project} rollout={rollout} onDone={close} />
      </Modal>
    </>
  );
}

function RollBackForm({ project, rollout, onDone }: Props & { onDone: () => void }) {
  const [by, setBy] = useState<'all' | 'type' | 'site'>('all');
  const [value, setValue] = useState('');
  const [reason, setReason] = useState('');
  const types = useApi('deviceTypeList', { params: { project } });
  const rollBack = useAction('rolloutRollback', onDone);
  // A part of it only while the rest goes on.
  const isOpen = ['running', 'paused', 'awaiting-approval'].includes(rollout.state);
  const segment = by === 'type' ? { deviceType: value } : by === 'site' ? { site: value } : {};
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        rollBack.mutate({ params: { project, number: rollout.number }, body: { ...segment, reason } });
      }}
    >
      <Stack gap="sm">
        <Select
          label="Whom"
          allowDeselect={false}
          disabled={!isOpen}
          data={[
            { value: 'all', label: 'all its devices' },
            { value: 'type', label: 'those of one type' },
            { value: 'site', label: 'those at one site' },
          ]}
          value={by}
          onChange={(next) => {
            setBy(next === 'type' || next === 'site' ? next : 'all');
            setValue('');
          }}
        />
        {by === 'type' ? (
          <Select
            label="Type"
            searchable
            data={types.data?.items.map(({ name }) => name) ?? []}
            value={value === '' ? null : value}
            onChange={(type) => setValue(type ?? '')}
          />
        ) : null}
        {by === 'site' ? (
          <TextInput
            label="Site"
            maxLength={63}
            value={value}
            onChange={(e) => setValue(e.currentTarget.value)}
          />
        ) : null}
        <Text size="sm">
          Devices that run {rollout.release}, or are on their way to it, are told to run the version before.
          It is a message: a device downloads only when it no longer has that version in its other slot.{' '}
          {by === 'all' ? 'The rollout ends.' : 'The rest of the rollout goes on.'}
        </Text>
        <TextInput
          label="Why"
          description="For the log; may be left empty"
          maxLength={500}
          value={reason}
          onChange={(e) => setReason(e.currentTarget.value)}
        />
        {rollBack.error === null ? null : <Problem error={rollBack.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button
            type="submit"
            color="red"
            loading={rollBack.isPending}
            disabled={by !== 'all' && value.trim() === ''}
          >
            Roll back
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
