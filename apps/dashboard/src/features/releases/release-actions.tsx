/** A release's way to devices and away from them: validate, sign, approve, roll out; deprecate, revoke. */
import { Button, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useAction, useApi } from '../../app/api';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
import { Command } from '../../components/page';
import { isOfferable } from './release-words';

interface Props {
  readonly project: string;
  readonly release: Resource<'Release'>;
}

export function ReleaseActions({ project, release }: Props) {
  const may = useMay(project);
  const params = { project, release: release.ref };
  const validate = useAction('releaseValidate');
  const approve = useAction('releaseApprove');
  const deprecate = useAction('releaseDeprecate');
  const revoke = useAction('releaseRevoke');
  const { ref, state } = release;
  return (
    <>
      {may('developer') && state === 'draft' ? (
        <Confirm
          variant="filled"
          isHarmless
          verb="Validate"
          subject={ref}
          title={`Look at what the builds of ${ref} have shown?`}
          run={() => validate.mutateAsync({ params, body: {} })}
        >
          Each build needs golden vectors for the self-test and has to fit its device type. Where it was
          measured on a validation set, quantization may cost at most 5 points of accuracy.
        </Confirm>
      ) : null}
      {may('developer') && release.signedAt === null && state !== 'revoked' ? (
        <Sign project={project} release={release} />
      ) : null}
      {may('operator') && (state === 'validated' || state === 'deprecated') ? (
        <Confirm
          variant="filled"
          isHarmless
          asksWhy
          verb="Approve"
          subject={ref}
          title={`Say yes to ${ref}?`}
          run={(reason) => approve.mutateAsync({ params, body: { reason } })}
        >
          Once it is signed, operators may roll it out. Where the project wants a second person, who made it
          cannot approve it.
        </Confirm>
      ) : null}
      {may('operator') && isOfferable(release) ? (
        <Button
          size="compact-sm"
          renderRoot={(props) => (
            <Link to="/p/$project/rollouts/new" params={{ project }} search={{ release: ref }} {...props} />
          )}
        >
          Roll out
        </Button>
      ) : null}
      {may('operator') && state === 'approved' ? (
        <Confirm
          variant="default"
          isHarmless
          asksWhy
          verb="Deprecate"
          subject={ref}
          title={`Deprecate ${ref}?`}
          run={(reason) => deprecate.mutateAsync({ params, body: { reason } })}
        >
          It can still be rolled out, and whoever does it is warned. Devices that run it go on. An approval
          undoes it.
        </Confirm>
      ) : null}
      {may('operator') && state !== 'revoked' ? (
        <Confirm
          variant="default"
          asksWhy
          verb="Revoke"
          subject={ref}
          title={`Revoke ${ref} for good?`}
          run={(reason) => revoke.mutateAsync({ params, body: { reason } })}
        >
          This cannot be undone. From now on no device is offered it; devices of its running rollouts go back
          to the version before; releases signed later forbid it. Other devices that run it keep it until they
          are given another.
        </Confirm>
      ) : null}
    </>
  );
}

function Sign({ project, release }: Props) {
  const [opened, { open, close }] = useDisclosure();
  const sign = useAction('releaseSign');
  const keys = useApi('signingKeyList', { params: { project } });
  const active = keys.data?.items.find(({ state }) => state === 'active');
  const { ref } = release;
  if (active?.held !== false)
    return (
      <Confirm
        variant="filled"
        isHarmless
        verb="Sign"
        subject={ref}
        title={`Sign ${ref}?`}
        run={() => sign.mutateAsync({ params: { project, release: ref } })}
      >
        The project&apos;s key signs a manifest for each of its device types, the way back from it, and the
        statement of where it comes from.
        {release.state === 'draft'
          ? ' Where the project does not want a second person, this says yes to it too, if its builds pass.'
          : ''}
      </Confirm>
    );
  return (
    <>
      <Button size="compact-sm" onClick={open}>
        Sign…
      </Button>
      <Modal opened={opened} onClose={close} title={`Sign ${ref} with a key that is elsewhere`} size="lg">
        <Stack gap="sm">
          <Text size="sm">
            The private half of key <span className="mono">{active.keyId}</span> is not here. On the machine
            that has it:
          </Text>
          <Command text={`npx tinyfleet release sign ${ref} --key key.pem --project ${project}`} />
          <Text size="sm">Or, where that machine cannot reach this server, by two files:</Text>
          <Command text={`npx tinyfleet release sign ${ref} --export request.json --project ${project}`} />
          <Command text={`npx tinyfleet release sign ${ref} --import signatures.json --project ${project}`} />
          <Text size="sm" c="dimmed">
            Every signature is verified here before any is stored. This page shows it when it is done.
          </Text>
        </Stack>
      </Modal>
    </>
  );
}
