/** Why an alert was opened: what moved and how far, over which time, against what; and the formula, with its own figures. */
import { Anchor, Group, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { formatDuration, formatInteger } from '../../app/format';
import { Exportable } from '../../components/exportable';
import { Section } from '../../components/page';
import { Moment } from '../../components/time';
import { ruleOf, shiftText } from './alert-words';
import { ShiftBars } from './shift-bars';

type Detail = Resource<'AlertDetail'>;

export function Shifts({ alert }: { alert: Detail }) {
  const { shifts, roundSeconds } = alert.evidence;
  if (shifts.length === 0) return null;
  const title = `What moved, alert ${alert.number}`;
  return (
    <Section
      title="What moved"
      about={
        roundSeconds === null
          ? 'The stream that alarmed first, and what moves with it'
          : `The stream that alarmed first, and what moves with it; a window is ${formatDuration(roundSeconds * 1_000)}`
      }
    >
      <Exportable
        name={`alert-${alert.number}-shifts`}
        title={title}
        about={alert.title}
        table={() => ({
          heads: ['stream', 'shift', 'unit', 'windows', 'score'],
          rows: shifts.map((one) => [
            one.stream,
            one.shift,
            one.stream.startsWith('share of') ? 'share' : 'standard deviations',
            one.windows,
            one.score,
          ]),
        })}
      >
        <ShiftBars
          label={`${title}: ${shifts.map((one) => `${one.stream} ${shiftText(one)}`).join(', ')}`}
          shifts={shifts}
        />
      </Exportable>
      <Text size="xs" c="dimmed" mt={4}>
        A bar is the score: how many standard deviations of chance the shift is away from none. Right is more,
        left less; beyond the dotted lines (3) chance alone hardly gets. sd: standard deviations of an
        observation in the healthy period.
      </Text>
    </Section>
  );
}

export function Concerned({ project, alert }: { project: string; alert: Detail }) {
  const { devices, deviceCount, baseline, changedAt, judgedAgainst } = alert.evidence;
  return (
    <>
      <dl className="facts">
        <Fact name="Since about">
          <Moment at={changedAt} none="unknown" />
        </Fact>
        <Fact name="Devices concerned">{formatInteger(deviceCount)}</Fact>
        <Fact name="Held against">
          {baseline === null ? (
            judgedAgainst === '' ? (
              'no healthy period'
            ) : (
              judgedAgainst
            )
          ) : (
            <>
              baseline {baseline.number}, <Moment at={baseline.from} /> to <Moment at={baseline.to} />
            </>
          )}
        </Fact>
        {alert.model === null ? null : <Fact name="Model">{alert.model}</Fact>}
      </dl>
      <Group gap="xs">
        {devices.map((device) => (
          <Anchor
            key={device}
            size="sm"
            renderRoot={(p) => <Link to="/p/$project/devices/$device" params={{ project, device }} {...p} />}
          >
            {device}
          </Anchor>
        ))}
        {deviceCount > devices.length ? (
          <Text size="sm" c="dimmed">
            and {plural(deviceCount - devices.length, 'other')}
          </Text>
        ) : null}
      </Group>
    </>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Formula({ alert }: { alert: Detail }) {
  return (
    <Section
      title="The formula"
      about={
        <Anchor href={alert.links.formula} size="xs">
          Where it comes from, and what it assumes
        </Anchor>
      }
    >
      <RuleText alert={alert} />
    </Section>
  );
}

function RuleText({ alert }: { alert: Detail }) {
  switch (ruleOf(alert)) {
    case 'cusum':
      return <Cusum evidence={alert.evidence} />;
    case 'comparison':
      return (
        <Text size="sm">
          It was compared with {alert.evidence.judgedAgainst || 'others'}. Each look is a test of its own, and
          what it may cost in false alerts is divided among all streams and looks.
        </Text>
      );
    case 'missed rounds':
      return (
        <Text size="sm">
          While all is well a device is heard in a share p of the rounds, so the number of those that miss two
          in a row is at most Binomial(N, (1 − p)²) if they fail one by one. An alert takes a chance below one
          in a million and most of the fleet, or of a group.
        </Text>
      );
    case 'late':
      return (
        <Text size="sm">
          A device is late when it is away and the time of its next contact has passed. An alert takes most of
          the fleet, or of a group, and more than chance would have it if nine contacts of ten are in time.
        </Text>
      );
    case 'revoked':
      return (
        <Text size="sm">
          No statistics: a device counts when it was heard after the time it had and still runs what was
          revoked. It ends when no such device is left.
        </Text>
      );
    case 'away':
      return (
        <Text size="sm">
          No statistics: no edge has been alive for a while. It ends when devices can reach the server again.
        </Text>
      );
  }
}

function Cusum({ evidence }: { evidence: Detail['evidence'] }) {
  const { arl0, roundSeconds, falseDiscoveryRate } = evidence;
  const everyHours = arl0 === null || roundSeconds === null ? null : (arl0 * roundSeconds) / 3_600;
  return (
    <>
      <Text size="sm" component="p" mt={0}>
        Each stream is judged by a CUSUM of standardised innovations: S = max(0, S + z − k), an alarm when S
        exceeds h. h follows from the budget: <b>streams × rounds / ARL0 ≤ budget</b>.
      </Text>
      {arl0 === null ? null : (
        <Text size="sm" component="p">
          ARL0 was {formatInteger(Math.round(arl0))} rounds: of one healthy stream alone, one false alarm in{' '}
          {everyHours === null ? 'so many rounds' : spanOf(everyHours)}.
        </Text>
      )}
      {falseDiscoveryRate === null ? null : (
        <Text size="sm" component="p">
          Its rank: it would be shown at a false discovery rate of{' '}
          {falseDiscoveryRate < 0.001 ? 'below 0.1 %' : `${(falseDiscoveryRate * 100).toFixed(1)} %`} (e-BH).
          That orders the list; it pages nobody.
        </Text>
      )}
    </>
  );
}

function spanOf(hours: number): string {
  const years = hours / 8_766;
  return years >= 2
    ? `${formatInteger(Math.round(years))} years`
    : `${formatInteger(Math.round(hours / 24))} days`;
}
