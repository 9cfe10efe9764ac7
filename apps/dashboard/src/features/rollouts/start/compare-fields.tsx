/** What a shadow or a comparison of two versions is to find out, and for how long. */
import { NativeSelect, Select } from '@mantine/core';
import { AbMetric, gateDefaults } from '@tinyfleet/contracts';
import { useApi } from '../../../app/api';
import { Section } from '../../../components/page';
import { GATE_WORDS, unitWords } from '../gate-words';
import type { AbDraft, ShadowDraft } from './compare';
import { Field, Fields } from './fields';

export function ShadowFields(props: { shadow: ShadowDraft; onChange: (shadow: ShadowDraft) => void }) {
  const { shadow, onChange } = props;
  return (
    <Section
      title="Shadow"
      about="The release runs beside the active model, on the same inputs, and nothing acts on what it says"
    >
      <Fields>
        <Field
          label="On every n-th inference"
          about="1 is every one; more costs less time and battery"
          inputMode="numeric"
          value={shadow.every}
          onChange={(value) => onChange({ ...shadow, every: value })}
        />
        <Field
          label="For"
          about="From when the last step has begun"
          value={shadow.time}
          onChange={(value) => onChange({ ...shadow, time: value })}
        />
      </Fields>
    </Section>
  );
}

export function AbFields(props: {
  project: string;
  ab: AbDraft;
  onChange: (part: Partial<AbDraft>) => void;
}) {
  const { project, ab, onChange } = props;
  const releases = useApi('releaseList', { params: { project }, query: { limit: 100 } });
  const others = (releases.data?.items ?? [])
    .filter(({ signedAt, state }) => signedAt !== null && (state === 'approved' || state === 'deprecated'))
    .map(({ ref }) => ref);
  return (
    <Section
      title="Comparison"
      about="B is the release. It ends as soon as it is clear which is better, or that they are the same"
    >
      <Fields>
        <Select
          label="A"
          description="What the other devices run"
          data={[{ value: '', label: 'what each device runs now' }, ...others]}
          allowDeselect={false}
          value={ab.against}
          onChange={(against) => onChange({ against: against ?? '' })}
        />
        <Field
          label="Devices that get B"
          about="The same share of every type and site"
          inputMode="decimal"
          unit="%"
          value={ab.percent}
          onChange={(value) => onChange({ percent: value })}
        />
        <NativeSelect
          label="By"
          description="What it is about"
          data={AbMetric.options.map((kind) => ({ value: kind, label: GATE_WORDS[kind].title }))}
          value={ab.metric}
          onChange={(e) => onChange({ metric: e.currentTarget.value as AbDraft['metric'], margin: '' })}
        />
        <Field
          label="The same, up to"
          about={`A smaller difference is none, in ${unitWords(gateDefaults[ab.metric].unit)}`}
          placeholder={String(gateDefaults[ab.metric].margin)}
          inputMode="decimal"
          value={ab.margin}
          onChange={(value) => onChange({ margin: value })}
        />
        <Field
          label="Not before"
          about="However clear it is"
          value={ab.least}
          onChange={(value) => onChange({ least: value })}
        />
        <Field
          label="At the latest"
          about="Clear or not"
          value={ab.longest}
          onChange={(value) => onChange({ longest: value })}
        />
      </Fields>
    </Section>
  );
}
