/** Second stage: how. A preset to begin with, and everything of it to change. */
import {
  Alert,
  Checkbox,
  Group,
  List,
  NativeSelect,
  Radio,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
} from '@mantine/core';
import { Section } from '../../../components/page';
import { AbFields, ShadowFields } from './compare-fields';
import { PRESETS, type Draft, type PresetId } from './draft';
import { Field, Fields } from './fields';
import { GatesField } from './gates-field';
import { StepsField } from './steps-field';
import { WindowsField } from './windows-field';

export interface FieldProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

export function PolicyStage(
  props: FieldProps & {
    project: string;
    problems: readonly string[];
    /** As it was chosen; undefined: something of it was changed. */
    preset: PresetId | undefined;
    onPreset: (preset: PresetId) => void;
  },
) {
  const { draft, onChange } = props;
  const change = (part: Partial<Draft>) => onChange({ ...draft, ...part });
  const isUpdate = draft.kind === 'update';
  return (
    <>
      <Section title="Begin with" about="Choosing one sets everything below">
        <Radio.Group
          aria-label="Begin with"
          value={props.preset ?? null}
          onChange={(id) => {
            const chosen = PRESETS.find((one) => one.id === id);
            if (chosen !== undefined) props.onPreset(chosen.id);
          }}
        >
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            {PRESETS.map(({ id, title, about }) => (
              <Radio.Card key={id} value={id} p="sm" radius="md" className="preset">
                <Group wrap="nowrap" align="flex-start" gap="sm">
                  <Radio.Indicator mt={2} />
                  <div>
                    <Text size="sm" fw={600}>
                      {title}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {about}
                    </Text>
                  </div>
                </Group>
              </Radio.Card>
            ))}
          </SimpleGrid>
        </Radio.Group>
      </Section>
      {draft.kind === 'shadow' ? (
        <ShadowFields shadow={draft.shadow} onChange={(shadow) => change({ shadow })} />
      ) : null}
      {draft.kind === 'ab' ? (
        <AbFields
          project={props.project}
          ab={draft.ab}
          onChange={(part) => change({ ab: { ...draft.ab, ...part } })}
        />
      ) : (
        <Section title="Steps" about="Shares and counts are cumulative; the last one is everybody">
          <StepsField project={props.project} draft={draft} onChange={onChange} />
        </Section>
      )}
      {isUpdate ? (
        <Section
          title="Gates"
          about="What each step has to show, against devices that still run the version before"
        >
          <GatesField draft={draft} onChange={onChange} />
        </Section>
      ) : null}
      <Section title="When it goes wrong">
        <Fields>
          <Field
            label="Failures, percent of a step"
            about="More than that, and the rollout stops"
            value={draft.maxFailurePercent}
            onChange={(value) => change({ maxFailurePercent: value })}
          />
          <NativeSelect
            label="Then"
            description="When too many fail, or a gate does"
            data={
              draft.kind === 'shadow'
                ? [
                    { value: 'pause', label: 'pause and ask' },
                    { value: 'abort', label: 'end it' },
                  ]
                : [
                    { value: 'pause', label: 'pause and ask' },
                    { value: 'rollback', label: 'bring everybody back' },
                    { value: 'rollback-segment', label: 'bring back the type or site it is in' },
                    { value: 'abort', label: 'end it; who has switched stays' },
                  ]
            }
            value={draft.onFailure}
            onChange={(e) => change({ onFailure: e.currentTarget.value as Draft['onFailure'] })}
          />
          <Field
            label="Patience"
            about="A device that says nothing for so long is silent"
            value={draft.deviceTimeout}
            onChange={(value) => change({ deviceTimeout: value })}
          />
        </Fields>
      </Section>
      <Section title="How fast" about="Empty: as fast as the devices come">
        <Fields>
          <Field
            label="Devices per minute"
            placeholder="no limit"
            inputMode="numeric"
            value={draft.devicesPerMinute}
            onChange={(value) => change({ devicesPerMinute: value })}
          />
          <Field
            label="Transfers at a time"
            placeholder="no limit"
            inputMode="numeric"
            value={draft.concurrentTransfers}
            onChange={(value) => change({ concurrentTransfers: value })}
          />
          <Field
            label="Spread"
            placeholder="0"
            value={draft.jitter}
            onChange={(value) => change({ jitter: value })}
          />
        </Fields>
      </Section>
      <Section title="When" about="A device that is not ready waits, and is offered it later">
        <Stack gap="md">
          <WindowsField draft={draft} onChange={onChange} />
          <Fields most={2}>
            <Field
              label="Battery, percent at least"
              about="A device with less waits"
              placeholder="any"
              inputMode="numeric"
              value={draft.batteryFloorPercent}
              onChange={(value) => change({ batteryFloorPercent: value })}
            />
            <TagsInput
              label="Connections"
              description="Values of the attribute “connection”; others wait"
              placeholder={draft.connections.length === 0 ? 'any' : ''}
              data={['wifi', 'ethernet', 'cellular']}
              maxTags={16}
              value={[...draft.connections]}
              onChange={(connections) => change({ connections })}
            />
          </Fields>
        </Stack>
      </Section>
      <Section title="Who">
        <Stack gap="md">
          <Fields most={2}>
            {isUpdate ? (
              <Field
                label="Hold-back, percent"
                about="They stay on the version they have, to the end, for comparison"
                placeholder="none"
                inputMode="decimal"
                value={draft.holdBackPercent}
                onChange={(value) => change({ holdBackPercent: value })}
              />
            ) : null}
            <Field
              label="Priority"
              about="Of two rollouts that want a device, the higher one has it"
              inputMode="numeric"
              value={draft.priority}
              onChange={(value) => change({ priority: value })}
            />
          </Fields>
          <Checkbox
            label="Devices that match later join the step that runs"
            checked={draft.dynamic}
            onChange={(e) => change({ dynamic: e.currentTarget.checked })}
          />
          <Checkbox
            label="Somebody else says yes before it starts"
            checked={draft.approval}
            onChange={(e) => change({ approval: e.currentTarget.checked })}
          />
        </Stack>
      </Section>
      {props.problems.length === 0 ? null : (
        <Alert color="red" variant="light" title="Not yet" role="alert">
          <List size="sm">
            {props.problems.map((problem) => (
              <List.Item key={problem}>{problem}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </>
  );
}
