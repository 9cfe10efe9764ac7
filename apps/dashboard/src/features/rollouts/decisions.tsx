/** The log of a rollout: what was decided, by whom and on what evidence, newest first. */
import { Button, Group, Text } from '@mantine/core';
import { GateVerdict, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useApiList } from '../../app/api';
import { formatActor } from '../../app/format';
import { Loaded, More, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { GateEvidence } from './gate-evidence';

type Decision = Resource<'RolloutDecision'>;

const WORDS: Readonly<Record<Decision['kind'], string>> = {
  started: 'Started',
  approved: 'Approved',
  'next-step': 'Next step',
  soak: 'Soak',
  gate: 'Gate',
  pause: 'Paused',
  resume: 'Resumed',
  skip: 'Skipped',
  retry: 'Tried again',
  abort: 'Aborted',
  'roll-back': 'Rolled back',
  'roll-back-segment': 'Rolled back in part',
  warning: 'Warning',
  shadow: 'Shadow',
  joined: 'Joined',
  superseded: 'Superseded',
  withdrawn: 'Withdrawn',
  end: 'Ended',
};
const COLORS: Readonly<Partial<Record<Decision['kind'], string>>> = {
  started: '#1f87c9',
  'next-step': '#1f87c9',
  approved: '#009e73',
  resume: '#1f87c9',
  end: '#009e73',
  pause: '#e69f00',
  warning: '#e69f00',
  'roll-back': '#d55e00',
  'roll-back-segment': '#d55e00',
  abort: '#d55e00',
};

export function Decisions({ project, number }: { project: string; number: number }) {
  const list = useApiList('rolloutDecisions', { params: { project, number }, query: { limit: 50 } });
  return (
    <Section title="Decisions" about="What was decided, by whom, and why; newest first">
      <Loaded query={list} height={120}>
        {({ pages }) => (
          <ol className="log">
            {pages
              .flatMap(({ items }) => items)
              .map((decision) => (
                <Line key={decision.number} decision={decision} />
              ))}
          </ol>
        )}
      </Loaded>
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}

function Line({ decision }: { decision: Decision }) {
  const [isOpen, setIsOpen] = useState(false);
  const verdict = verdictIn(decision.evidence);
  const color = decision.kind === 'gate' ? gateColor(verdict) : COLORS[decision.kind];
  return (
    <li style={{ '--log-color': color ?? '#858585' } as React.CSSProperties}>
      <Text size="xs" c="dimmed" pt={2}>
        <Moment at={decision.at} />
      </Text>
      <div>
        <Text size="sm">
          <b>{WORDS[decision.kind]}</b> · {wordsOf(decision.text)}
        </Text>
        <Group gap="xs">
          <Text size="xs" c="dimmed">
            step {decision.step + 1} · by {decision.by === 'engine' ? 'the engine' : formatActor(decision.by)}
          </Text>
          {verdict === undefined ? null : (
            <Button
              size="compact-xs"
              variant="subtle"
              aria-expanded={isOpen}
              onClick={() => setIsOpen(!isOpen)}
            >
              {isOpen ? 'Hide the evidence' : 'Evidence'}
            </Button>
          )}
        </Group>
      </div>
      {isOpen && verdict !== undefined ? (
        <div className="log-more">
          <GateEvidence verdict={verdict} />
        </div>
      ) : null}
    </li>
  );
}

const wordsOf = (text: string): string => text.replace(/\bperson:/g, '').replace(/\btoken:/g, 'token ');

/** Of the gates, as they were judged then. */
function verdictIn(evidence: Decision['evidence']): Resource<'GateVerdict'> | undefined {
  const [report] = Array.isArray(evidence['reports']) ? (evidence['reports'] as unknown[]) : [];
  const read = GateVerdict.safeParse(report);
  return read.success ? read.data : undefined;
}

const gateColor = (verdict: Resource<'GateVerdict'> | undefined): string =>
  ({ pass: '#009e73', fail: '#d55e00', undecided: '#1f87c9' })[verdict?.outcome ?? 'undecided'];
