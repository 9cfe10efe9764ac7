/**
 * Evidence of gates: each finding's always-valid interval against its margin. All rows are drawn in units of their own
 * margin, so that one line down the page is the margin of all of them: right of it is good, left of it has failed.
 */
import { Button, Text } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { formatDifference, formatInUnit, metricTitle } from './gate-words';
import { IntervalAxis, IntervalBar } from './interval-bar';

type Verdict = Resource<'GateVerdict'>;
type Finding = Verdict['findings'][number];

const COLORS: Readonly<Record<Finding['outcome'], string>> = {
  pass: '#009e73',
  undecided: '#1f87c9',
  fail: '#d55e00',
};
const RANK: Readonly<Record<Finding['outcome'], number>> = { fail: 0, undecided: 1, pass: 2 };

export function GateEvidence({ verdict }: { verdict: Verdict }) {
  const [isWhole, setIsWhole] = useState(false);
  const sorted = verdict.findings
    .map((finding, index) => ({ finding, index }))
    .sort((a, b) => rankOf(a.finding) - rankOf(b.finding) || a.index - b.index)
    .map(({ finding }) => finding);
  const whole = sorted.filter(({ segment, outcome }) => segment === null || outcome === 'fail');
  const rest = sorted.length - whole.length;
  const shown = isWhole ? sorted : whole.filter((one) => !isMute(one));
  const mute = isWhole ? [] : whole.filter(isMute);
  return (
    <div className="gates">
      <Text size="sm" mb="xs" component="div">
        <StateBadge state={verdict.outcome} /> {verdict.words}
        {verdict.pendingDevices === 0
          ? ''
          : ` ${formatInteger(verdict.pendingDevices)} of the step have not been heard of and are not due yet.`}
      </Text>
      <div className="gate-rows">
        <IntervalAxis />
        {shown.map((finding) => (
          <Row key={`${finding.metric}/${finding.segment?.by}/${finding.segment?.value}`} finding={finding} />
        ))}
      </div>
      {mute.length === 0 ? null : (
        <Text size="xs" c="dimmed" pt="xs" className="gate-foot">
          Nothing reported on yet, and holding nothing up: {mute.map(metricTitle).join(', ')}.
        </Text>
      )}
      {mute.length + rest === 0 && !isWhole ? null : (
        <Button
          mt="xs"
          size="compact-xs"
          variant="subtle"
          aria-expanded={isWhole}
          onClick={() => setIsWhole(!isWhole)}
        >
          {isWhole
            ? 'Show less'
            : rest === 0
              ? 'Show all'
              : `Show all, by type and site too (${sorted.length})`}
        </Button>
      )}
    </div>
  );
}

/** Nobody has said anything of it, and nobody waits for that. */
const isMute = ({ difference, mustPass, outcome }: Finding): boolean =>
  difference === null && !mustPass && outcome === 'undecided';

const rankOf = ({ outcome, mustPass, difference }: Finding): number =>
  RANK[outcome] * 4 + (mustPass ? 0 : 2) + (difference === null ? 1 : 0);

function Row({ finding }: { finding: Finding }) {
  const { segment, outcome, difference, unit, needs } = finding;
  return (
    <div className="gate-row">
      <div>
        <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
          {metricTitle(finding)}
        </Text>
        <Text size="xs" c="dimmed">
          {segment === null ? '' : `${segment.by} ${segment.value === '' ? '(none)' : segment.value} · `}
          {difference === null ? 'nothing yet' : formatDifference(difference, unit)}
          {finding.mustPass ? '' : ' · can only fail'}
        </Text>
      </div>
      <IntervalBar
        {...finding}
        color={COLORS[outcome]}
        label={`${finding.words}: ${outcome}`}
        marginWords={`Margin: ${formatInUnit(finding.margin, unit)} worse`}
      />
      <StateBadge state={outcome} />
      <Text size="xs" c="dimmed" className="gate-words">
        {finding.words}
        {needs === null ? '' : `; ${needs}`}.
      </Text>
    </div>
  );
}
