/** Starts a rollout in three stages: what and where, how, and what would happen. Nothing is done before the last button. */
import { Anchor, Button, Group } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../../../app/api';
import { useFilter } from '../../../components/filter/use-filter';
import { Page, Problem } from '../../../components/page';
import '../rollouts.css';
import { PRESETS, requestOf, type Draft, type PresetId, type Target } from './draft';
import { PolicyStage } from './policy-stage';
import { PreviewStage } from './preview-stage';
import { TargetStage, type Where } from './target-stage';

const STAGES = ['Release and devices', 'How', 'Preview'] as const;

/** The same canaries in the preview and in the rollout. */
const newSeed = (): string => Array.from(crypto.getRandomValues(new Uint8Array(6)), hex).join('');
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

const FIRST: PresetId = 'steps';
const draftOf = (id: PresetId): Draft => PRESETS.find((one) => one.id === id)!.draft();

export function StartPage() {
  const { project } = useParams({ from: '/p/$project' });
  const search = useSearch({ from: '/p/$project/rollouts/new' });
  const navigate = useNavigate();
  const [stage, setStage] = useState(0);
  const [release, setRelease] = useState(search.release ?? '');
  const [where, setWhere] = useState<Where>({ by: 'filter', group: '' });
  const filter = useFilter(search.filter ?? '');
  const [seed] = useState(newSeed);
  const [preset, setPreset] = useState<PresetId | undefined>(FIRST);
  const [draft, setDraft] = useState<Draft>(() => draftOf(FIRST));
  const start = useAction('rolloutCreate', ({ number }) => {
    void navigate({ to: '/p/$project/rollouts/$number', params: { project, number: String(number) } });
  });

  const target: Target | undefined = targetOf(release, where, filter.applied, seed);
  const read = target === undefined ? undefined : requestOf(draft, target);
  const isReady = [
    target !== undefined && (where.by === 'group' || filter.isSettled),
    read && 'request' in read,
  ];
  const go = (next: number) => {
    start.reset();
    setStage(next);
    window.scrollTo({ top: 0 });
  };
  return (
    <Page
      title="Start a rollout"
      about={
        <Anchor component={Link} to={`/p/${project}/rollouts`} size="sm">
          ← Rollouts
        </Anchor>
      }
    >
      <ol className="stages" aria-label="Stages">
        {STAGES.map((name, index) => (
          <li key={name} data-done={index < stage}>
            <button
              type="button"
              aria-current={index === stage ? 'step' : undefined}
              disabled={index > stage && !isReady.slice(0, index).every(Boolean)}
              onClick={() => go(index)}
            >
              <span aria-hidden className="stage-number">
                {index < stage ? '✓' : index + 1}
              </span>
              {name}
            </button>
          </li>
        ))}
      </ol>
      {stage === 0 ? (
        <TargetStage
          project={project}
          release={release}
          onRelease={setRelease}
          where={where}
          onWhere={setWhere}
          filter={filter}
          target={target}
        />
      ) : null}
      {stage === 1 ? (
        <PolicyStage
          project={project}
          draft={draft}
          onChange={(next) => {
            setPreset(undefined);
            setDraft(next);
          }}
          preset={preset}
          onPreset={(next) => {
            setPreset(next);
            setDraft(draftOf(next));
          }}
          problems={read !== undefined && 'problems' in read ? read.problems : []}
        />
      ) : null}
      {stage === 2 && read !== undefined && 'request' in read ? (
        <PreviewStage project={project} request={read.request} />
      ) : null}
      {start.error === null ? null : <Problem error={start.error} />}
      <Group justify="space-between">
        {stage === 0 ? (
          <span />
        ) : (
          <Button variant="default" onClick={() => go(stage - 1)}>
            Back
          </Button>
        )}
        {stage < 2 ? (
          <Button disabled={isReady[stage] !== true} onClick={() => go(stage + 1)}>
            {stage === 0 ? 'Next: how' : 'Next: preview'}
          </Button>
        ) : (
          <Button
            loading={start.isPending}
            disabled={read === undefined || 'problems' in read}
            onClick={() => {
              if (read !== undefined && 'request' in read)
                start.mutate({ params: { project }, body: read.request });
            }}
          >
            Start the rollout
          </Button>
        )}
      </Group>
    </Page>
  );
}

function targetOf(release: string, where: Where, filter: string, seed: string): Target | undefined {
  const devices = where.by === 'filter' ? filter : where.group;
  if (release === '' || devices === '') return undefined;
  return { release, [where.by]: devices, seed };
}
