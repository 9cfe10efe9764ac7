/** A device type of the project's own, begun from one that is like it, or changed. */
import {
  Button,
  Group,
  MultiSelect,
  NativeSelect,
  NumberInput,
  Select,
  Stack,
  TextInput,
} from '@mantine/core';
import { DeviceType, NAME_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { Problem } from '../../components/page';

type Type = Resource<'DeviceType'>;
/** Without ops: those of the firmware that the server came with. */
type Draft = Omit<Type, 'builtIn' | 'revision' | 'ops'> & Partial<Pick<Type, 'ops'>>;

const KIB = 1_024;
const FEATURES = [
  { value: 'dsp', label: 'DSP: 16-bit SIMD' },
  { value: 'fpu', label: 'FPU: floating point' },
  { value: 'mve', label: 'MVE: vectors (Helium)' },
];
const NEW: Draft = {
  name: '',
  title: '',
  core: 'cortex-m4f',
  clockHz: 64e6,
  flashBytes: 1_024 * KIB,
  ramBytes: 256 * KIB,
  slotBytes: 256 * KIB,
  arenaBytes: 96 * KIB,
  stateBytes: 8 * KIB,
  sectorBytes: 4 * KIB,
  programUnitBytes: 4,
  features: ['dsp', 'fpu'],
  abi: '1.0',
  source: '',
};

/** With `type` it changes that one. */
export function DeviceTypeForm(props: {
  project: string;
  types: readonly Type[];
  type?: Type;
  onDone: () => void;
}) {
  const { project, type } = props;
  const [draft, setDraft] = useState<Draft>(type ?? NEW);
  const create = useAction('deviceTypeCreate', props.onDone);
  const update = useAction('deviceTypeUpdate', props.onDone);
  const error = create.error ?? update.error;
  /** What is typed here is not from where the figure of the other type was from. */
  const set = (part: Partial<Draft>) => {
    const kept = Object.entries(draft.sources ?? {}).filter(([figure]) => !(figure in part));
    setDraft({ ...draft, ...part, sources: Object.fromEntries(kept) });
  };
  const copy = (name: string | null) => {
    const like = props.types.find((type) => type.name === name);
    if (like === undefined) return;
    const { builtIn: _builtIn, revision: _revision, ...figures } = like;
    setDraft({ ...figures, name: draft.name, title: draft.title });
  };
  const isReady = NAME_PATTERN.test(draft.name.trim()) && draft.title.trim() !== '';
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const texts = { title: draft.title.trim(), source: draft.source.trim() };
        if (type === undefined) {
          create.mutate({ params: { project }, body: { ...draft, ...texts, name: draft.name.trim() } });
        } else {
          update.mutate({
            params: { project, deviceType: type.name },
            body: changedFrom(type, { ...draft, ...texts }),
            headers: { 'if-match': `"${type.revision}"` },
          });
        }
      }}
    >
      <Stack gap="sm">
        {type === undefined ? (
          <Group grow align="flex-start">
            <TextInput
              label="Name"
              placeholder="my-board"
              required
              maxLength={63}
              classNames={{ input: 'mono' }}
              value={draft.name}
              onChange={(e) => set({ name: e.currentTarget.value })}
              data-autofocus
            />
            <Select
              label="Like"
              placeholder="begin with another's figures"
              searchable
              clearable
              data={props.types.map((type) => type.name)}
              onChange={copy}
            />
          </Group>
        ) : null}
        <TextInput
          label="In words"
          placeholder="My board, revision B"
          required
          value={draft.title}
          onChange={(e) => set({ title: e.currentTarget.value })}
        />
        <Group grow align="flex-start">
          <NativeSelect
            label="Core"
            data={DeviceType.shape.core.options}
            value={draft.core}
            onChange={(e) => set({ core: DeviceType.shape.core.parse(e.currentTarget.value) })}
          />
          <MultiSelect
            label="Computes with"
            data={FEATURES}
            value={[...(draft.features ?? [])]}
            onChange={(features) => set({ features: features as NonNullable<Draft['features']> })}
          />
        </Group>
        <Group grow align="flex-start">
          <Scaled
            label="Clock"
            unit="MHz"
            scale={1e6}
            value={draft.clockHz}
            onChange={(clockHz) => set({ clockHz })}
          />
          <Bytes label="Flash" value={draft.flashBytes} onChange={(flashBytes) => set({ flashBytes })} />
          <Bytes label="RAM" value={draft.ramBytes} onChange={(ramBytes) => set({ ramBytes })} />
        </Group>
        <Group grow align="flex-start">
          <Bytes
            label="Model slot"
            description="Flash left for one model"
            value={draft.slotBytes}
            onChange={(slotBytes) => set({ slotBytes })}
          />
          <Bytes
            label="Arena"
            description="RAM left while it runs"
            value={draft.arenaBytes}
            onChange={(arenaBytes) => set({ arenaBytes })}
          />
          <Bytes
            label="State"
            description="Kept between windows"
            value={draft.stateBytes}
            onChange={(stateBytes) => set({ stateBytes })}
          />
        </Group>
        <Group grow align="flex-start">
          <Bytes
            label="Flash page"
            value={draft.sectorBytes}
            onChange={(sectorBytes) => set({ sectorBytes })}
          />
          <Scaled
            label="Program unit"
            unit="B"
            scale={1}
            value={draft.programUnitBytes}
            onChange={(programUnitBytes) => set({ programUnitBytes })}
          />
          <TextInput
            label="Runtime ABI"
            required
            classNames={{ input: 'mono' }}
            value={draft.abi}
            onChange={(e) => set({ abi: e.currentTarget.value })}
          />
        </Group>
        <NativeSelect
          label="Bundles"
          data={[
            { value: 'full', label: 'full' },
            { value: 'reduced', label: 'reduced: what the device reads, nothing for tools' },
          ]}
          value={draft.profile ?? 'full'}
          onChange={(e) => set({ profile: e.currentTarget.value === 'reduced' ? 'reduced' : 'full' })}
        />
        <TextInput
          label="Source of the figures"
          placeholder="datasheet, revision, page"
          value={draft.source}
          onChange={(e) => set({ source: e.currentTarget.value })}
        />
        {error === null ? null : <Problem error={error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending || update.isPending} disabled={!isReady}>
            {type === undefined ? 'Add it' : 'Save'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What uses a type forbids some changes: only those that were made are asked for. */
function changedFrom(type: Type, draft: Draft): Partial<Draft> {
  const { name: _name, ...figures } = draft;
  const before: Partial<Record<string, unknown>> = type;
  return Object.fromEntries(
    Object.entries(figures).filter(
      ([key, value]) =>
        key !== 'builtIn' && key !== 'revision' && JSON.stringify(value) !== JSON.stringify(before[key]),
    ),
  );
}

function Bytes(props: {
  label: string;
  description?: string;
  value: number;
  onChange: (bytes: number) => void;
}) {
  return <Scaled {...props} unit="KiB" scale={KIB} />;
}

/** A whole number of the base unit, typed in the unit that people use. */
function Scaled(props: {
  label: string;
  description?: string;
  unit: string;
  scale: number;
  value: number;
  onChange: (value: number) => void;
}) {
  return (
    <NumberInput
      label={props.label}
      {...(props.description === undefined ? {} : { description: props.description })}
      required
      min={0}
      suffix={` ${props.unit}`}
      value={props.value / props.scale}
      onChange={(value) => props.onChange(Math.round(Number(value) * props.scale))}
    />
  );
}
