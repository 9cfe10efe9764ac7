/** How long the project keeps what devices sent, and whether they may send what they measured. Shorter takes away for good: it asks. */
import { Alert, Button, Checkbox, Group, NumberInput, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
import { Loaded, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { isShorter, REMOVED_WORDS, RETENTION_FIELDS } from './retention-words';

type Settings = Resource<'RetentionSettings'>;
type Samples = Resource<'SampleSettings'>;

export function Retention({ project }: { project: string }) {
  const retention = useApi('retentionGet', { params: { project } });
  const samples = useApi('sampleSettingsGet', { params: { project } });
  const isAdmin = useMay(project)('admin');
  return (
    <Stack gap="lg">
      <Section
        title="How long it is kept"
        about={
          isAdmin
            ? 'Days; what is older is removed within the hour'
            : 'Days; an administrator of the project may change them'
        }
      >
        <Loaded query={retention} height={300}>
          {(data) => (
            <RetentionForm
              key={JSON.stringify(data.settings)}
              project={project}
              kept={data}
              isAdmin={isAdmin}
            />
          )}
        </Loaded>
      </Section>
      <Loaded query={retention} height={90}>
        {(data) => (
          <Section title="Removed last">
            <Removed kept={data} />
          </Section>
        )}
      </Loaded>
      <Section
        title="Samples: what devices measured"
        about="Off unless somebody turns it on; sums say how a model does without them"
      >
        <Loaded query={samples} height={160}>
          {(data) => (
            <SampleForm key={JSON.stringify(data)} project={project} kept={data} isAdmin={isAdmin} />
          )}
        </Loaded>
      </Section>
    </Stack>
  );
}

function RetentionForm(props: { project: string; kept: Resource<'Retention'>; isAdmin: boolean }) {
  const { project, kept, isAdmin } = props;
  const [settings, setSettings] = useState<Settings>(kept.settings);
  const save = useAction('retentionSet');
  const run = () => save.mutateAsync({ params: { project }, body: settings });
  const hasChanged = RETENTION_FIELDS.some(({ key }) => settings[key] !== kept.settings[key]);
  const shorter = RETENTION_FIELDS.filter(({ key }) => isShorter(settings[key], kept.settings[key]));
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }}>
        {RETENTION_FIELDS.map(({ key, label, about, most, none }) => (
          <NumberInput
            key={key}
            label={label}
            description={about}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            suffix=" d"
            min={1}
            max={most}
            allowDecimal={false}
            disabled={!isAdmin}
            required={none === undefined}
            placeholder={none === 'instance' ? `${kept.windowDays} d, as the instance` : 'for good'}
            value={settings[key] ?? ''}
            onChange={(value) =>
              setSettings({
                ...settings,
                [key]: value === '' ? (none === undefined ? kept.settings[key] : null) : Number(value),
              })
            }
          />
        ))}
      </SimpleGrid>
      {save.error === null ? null : <Problem error={save.error} />}
      {!isAdmin ? null : (
        <Group gap="sm">
          {shorter.length === 0 ? (
            <Button
              size="compact-sm"
              disabled={!hasChanged}
              loading={save.isPending}
              onClick={() => void run()}
            >
              Keep it so
            </Button>
          ) : (
            <Confirm
              verb="Keep it so"
              subject="for retention"
              variant="filled"
              title="Remove what is older?"
              run={run}
            >
              Within the hour, and for good:
              <ul>
                {shorter.map(({ key, label }) => (
                  <li key={key}>
                    {label} older than {plural(settings[key] ?? 0, 'day')}
                  </li>
                ))}
              </ul>
            </Confirm>
          )}
          {hasChanged ? (
            <Button size="compact-sm" variant="subtle" onClick={() => setSettings(kept.settings)}>
              As it was
            </Button>
          ) : null}
        </Group>
      )}
    </Stack>
  );
}

function Removed({ kept }: { kept: Resource<'Retention'> }) {
  const rows = Object.entries(kept.removed).filter(([, count]) => count > 0);
  return (
    <>
      <Text size="sm">
        {kept.removedAt === null ? (
          'Nothing was old enough so far.'
        ) : (
          <>
            Last <Moment at={kept.removedAt} />.
          </>
        )}{' '}
        {kept.windowsFrom === null ? null : (
          <>
            Windows that began before{' '}
            <time dateTime={kept.windowsFrom}>{new Date(kept.windowsFrom).toLocaleString()}</time> are not
            kept any more.
          </>
        )}
      </Text>
      {rows.length === 0 ? null : (
        <Table verticalSpacing={4} maw={420} mt="xs" aria-label="Removed last">
          <Table.Tbody>
            {rows.map(([kind, count]) => (
              <Table.Tr key={kind}>
                <Table.Th fw={400}>{REMOVED_WORDS[kind as keyof typeof REMOVED_WORDS]}</Table.Th>
                <Table.Td ta="right">{plural(count, 'row')}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  );
}

const KIB = 1_024;

function SampleForm(props: { project: string; kept: Samples; isAdmin: boolean }) {
  const { project, kept, isAdmin } = props;
  const [settings, setSettings] = useState<Samples>(kept);
  const save = useAction('sampleSettingsSet');
  const run = () => save.mutateAsync({ params: { project }, body: settings });
  const hasChanged = JSON.stringify(settings) !== JSON.stringify(kept);
  const isFewerDays = isShorter(settings.retentionDays, kept.retentionDays);
  return (
    <Stack gap="md">
      <Checkbox
        label="Devices may send what they measured"
        description="Off: a sample that comes is thrown away"
        checked={settings.enabled}
        disabled={!isAdmin}
        onChange={(event) => setSettings({ ...settings, enabled: event.currentTarget.checked })}
      />
      <SimpleGrid cols={{ base: 1, sm: 2, md: 3 }}>
        <NumberInput
          label="Samples"
          description="Then each is deleted, whatever else is set"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          suffix=" d"
          min={1}
          max={365}
          allowDecimal={false}
          required
          disabled={!isAdmin}
          value={settings.retentionDays}
          onChange={(value) => value !== '' && setSettings({ ...settings, retentionDays: Number(value) })}
        />
        <NumberInput
          label="Room for each device and day"
          description="UTC; a sample counts whole when it begins"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          suffix=" KiB"
          min={1}
          max={102_400}
          required
          disabled={!isAdmin}
          value={settings.bytesPerDeviceDay / KIB}
          onChange={(value) =>
            value !== '' && setSettings({ ...settings, bytesPerDeviceDay: Math.round(Number(value) * KIB) })
          }
        />
      </SimpleGrid>
      {save.error === null ? null : <Problem error={save.error} />}
      {!isAdmin ? null : (
        <Group gap="sm">
          {settings.enabled && !kept.enabled ? (
            <Confirm
              verb="Let them send"
              subject="samples"
              variant="filled"
              isHarmless={!isFewerDays}
              title="Let devices send what they measured?"
              run={run}
            >
              Samples can hold sound, motion or pictures of people. Operators see them, and the audit log
              keeps who took which. Each is deleted after {plural(settings.retentionDays, 'day')}; a device
              may send {formatInteger(settings.bytesPerDeviceDay)} bytes a day.
              {isFewerDays ? ' What is kept now and older goes within the hour, and for good.' : null}
            </Confirm>
          ) : isFewerDays ? (
            <Confirm
              verb="Save"
              subject="what is kept of samples"
              variant="filled"
              title="Remove older samples?"
              run={run}
            >
              Within the hour, and for good: samples older than {plural(settings.retentionDays, 'day')}.
            </Confirm>
          ) : (
            <Button
              size="compact-sm"
              disabled={!hasChanged}
              loading={save.isPending}
              onClick={() => void run()}
            >
              Save
            </Button>
          )}
          {hasChanged ? (
            <Button size="compact-sm" variant="subtle" onClick={() => setSettings(kept)}>
              As it was
            </Button>
          ) : null}
        </Group>
      )}
      {save.isSuccess && !hasChanged ? (
        <Alert color="teal" variant="light" role="status" py="xs">
          Saved.
        </Alert>
      ) : null}
    </Stack>
  );
}
