/** The steps, one a row: who joins, how long it soaks, whether somebody has to say yes. */
import { ActionIcon, Button, Checkbox, Group, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useApi } from '../../../app/api';
import { newStep, type Draft, type StepDraft } from './draft';
import type { FieldProps } from './policy-stage';

export function StepsField({ project, draft, onChange }: FieldProps & { project: string }) {
  const { steps } = draft;
  const withGroups = steps.some(({ by }) => by === 'group');
  const groups = useApi('groupList', { params: { project }, query: { limit: 500 } }, { enabled: withGroups });
  const set = (next: readonly StepDraft[]) => onChange({ ...draft, steps: next });
  const edit = (id: number, part: Partial<StepDraft>) =>
    set(steps.map((step) => (step.id === id ? { ...step, ...part } : step)));
  // A new step goes before the last one, which is everybody.
  const add = () => {
    const last = steps.at(-1);
    const before = Number(steps.at(-2)?.value ?? 0);
    const between = newStep(Math.max(1, Math.round((before + 100) / 2)), last?.soak ?? '0');
    set([...steps.slice(0, -1), between, ...steps.slice(-1)]);
  };
  return (
    <Stack gap="sm">
      {steps.map((step, index) => (
        <StepRow
          key={step.id}
          name={`step ${index + 1}`}
          number={index + 1}
          step={step}
          isOnly={steps.length === 1}
          hasGates={Object.keys(draft.gates).length > 0}
          groups={groups.data?.items.map(({ name }) => name) ?? []}
          onChange={(part) => edit(step.id, part)}
          onRemove={() => set(steps.filter(({ id }) => id !== step.id))}
        />
      ))}
      <Group justify="space-between" align="flex-end">
        <Button variant="default" size="xs" onClick={add} disabled={steps.length >= 50}>
          Add a step
        </Button>
        {steps.some(({ maxSoak }) => maxSoak.trim() !== '') ? (
          <NativeSelect
            label="Undecided after the longest soak"
            data={[
              { value: 'pause', label: 'pause and ask' },
              { value: 'continue', label: 'go on' },
              { value: 'rollback', label: 'bring everybody back' },
            ]}
            value={draft.onUndecided}
            onChange={(e) =>
              onChange({ ...draft, onUndecided: e.currentTarget.value as Draft['onUndecided'] })
            }
          />
        ) : null}
      </Group>
    </Stack>
  );
}

function StepRow(props: {
  name: string;
  number: number;
  step: StepDraft;
  isOnly: boolean;
  hasGates: boolean;
  groups: readonly string[];
  onChange: (part: Partial<StepDraft>) => void;
  onRemove: () => void;
}) {
  const { step, name, onChange } = props;
  const isFirst = props.number === 1;
  const label = (text: string) => (isFirst ? { label: text } : { 'aria-label': `${text} of ${name}` });
  return (
    <div className="step-row" role="group" aria-label={name}>
      <span className="step-number" aria-hidden>
        {props.number}
      </span>
      <NativeSelect
        {...label('By')}
        data={[
          { value: 'percent', label: 'percent' },
          { value: 'count', label: 'devices' },
          { value: 'group', label: 'group' },
        ]}
        value={step.by}
        onChange={(e) => onChange({ by: e.currentTarget.value as StepDraft['by'], value: '' })}
      />
      {step.by === 'group' ? (
        <NativeSelect
          {...label('How many')}
          data={['', ...props.groups]}
          value={step.value}
          onChange={(e) => onChange({ value: e.currentTarget.value })}
        />
      ) : (
        <TextInput
          {...label('How many')}
          inputMode="decimal"
          rightSection={step.by === 'percent' ? '%' : null}
          value={step.value}
          onChange={(e) => onChange({ value: e.currentTarget.value })}
        />
      )}
      <TextInput
        {...label('Soak')}
        placeholder="0"
        value={step.soak}
        onChange={(e) => onChange({ soak: e.currentTarget.value })}
      />
      <TextInput
        {...label('Longest soak')}
        placeholder={props.hasGates ? 'as long as it takes' : 'no gates'}
        disabled={!props.hasGates && step.maxSoak === ''}
        value={step.maxSoak}
        onChange={(e) => onChange({ maxSoak: e.currentTarget.value })}
      />
      <Checkbox
        className="step-approval"
        label="second yes"
        aria-label={`A second person says yes to ${name}`}
        checked={step.approval}
        onChange={(e) => onChange({ approval: e.currentTarget.checked })}
      />
      <ActionIcon
        className="step-remove"
        variant="subtle"
        color="gray"
        disabled={props.isOnly}
        aria-label={`Remove ${name}`}
        onClick={props.onRemove}
      >
        ✕
      </ActionIcon>
    </div>
  );
}
