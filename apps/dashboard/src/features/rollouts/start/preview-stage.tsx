/** Last stage: what this very request would do, as the server answers, and how it looks. */
import { Alert, List, Space, Table, Text } from '@mantine/core';
import { plural, type Resource, type RolloutCreateInput } from '@tinyfleet/contracts';
import { useApi } from '../../../app/api';
import { formatInteger } from '../../../app/format';
import { DataTable } from '../../../components/data-table';
import { Loaded, Section } from '../../../components/page';
import { leastText } from '../duration-text';
import { Wave } from '../wave';
import { Compatibility } from './compatibility';
import { policyInWords } from './policy-words';

type Plan = Resource<'RolloutPlan'>;

export function PreviewStage({ project, request }: { project: string; request: RolloutCreateInput }) {
  const plan = useApi('rolloutPlan', { params: { project }, body: request });
  const answer = plan.error === null ? plan : { ...plan, data: undefined };
  return (
    <>
      <Section title={`${request.release} in ${plural(request.steps?.length ?? 1, 'step')}`}>
        <Loaded query={answer} height={260}>
          {(data) => <Steps plan={data} />}
        </Loaded>
      </Section>
      <Section title="In words">
        <List size="sm" spacing={4}>
          {policyInWords(request).map(({ text, parts }) => (
            <List.Item key={text}>
              {text}
              {parts === undefined ? null : (
                <ul className="columns">
                  {parts.map((part) => (
                    <li key={part}>{part}</li>
                  ))}
                </ul>
              )}
            </List.Item>
          ))}
        </List>
      </Section>
      <Section title="Who can take it">
        <Loaded query={answer} height={170}>
          {(data) => <Compatibility plan={data} />}
        </Loaded>
      </Section>
    </>
  );
}

function Steps({ plan }: { plan: Plan }) {
  const total = plan.steps.reduce((sum, { devices }) => sum + devices, 0);
  if (total === 0)
    return (
      <Alert color="orange" variant="light">
        No device can take it as it stands. The rollout would be refused, or wait for devices that match.
      </Alert>
    );
  return (
    <>
      <Text size="sm" c="dimmed" mb="sm">
        {plural(total, 'device')} in all, {leastText(plan.leastSeconds)} at least
        {plan.holdBack === 0 ? '' : `; ${plural(plan.holdBack, 'device')} held back to the end`}.
      </Text>
      <Wave
        label="Steps of the plan"
        steps={plan.steps.map(({ percent, devices, leastSeconds }) => ({
          percent,
          title: `${percent} %`,
          lines: [
            `+${formatInteger(devices)}`,
            leastSeconds === 0 ? 'at once' : `≥ ${leastText(leastSeconds)}`,
          ],
        }))}
      />
      <Space h="md" />
      <DataTable
        label="Steps"
        minWidth={640}
        heads={[
          'Step',
          { text: 'Devices', align: 'right', width: 90 },
          'At least',
          'Types',
          'Sites',
          'First devices',
        ]}
      >
        {plan.steps.map((step, index) => (
          <Table.Tr key={index}>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              {index + 1} · {step.percent} %
              {step.approval ? (
                <Text size="xs" c="dimmed">
                  after a second yes
                </Text>
              ) : null}
            </Table.Td>
            <Table.Td ta="right">{formatInteger(step.devices)}</Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              {step.leastSeconds === 0 ? 'at once' : leastText(step.leastSeconds)}
            </Table.Td>
            <Table.Td>{countsText(step.byType)}</Table.Td>
            <Table.Td>{countsText(step.bySite)}</Table.Td>
            <Table.Td>
              <Text size="xs" c="dimmed">
                {step.sample.slice(0, 4).join(', ')}
                {step.devices > 4 ? ', …' : ''}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
    </>
  );
}

const MOST = 4;
function countsText(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const shown = all
    .slice(0, MOST)
    .map(([name, n]) => `${formatInteger(n)} ${name === '' ? 'nowhere' : name}`);
  return shown.join(', ') + (all.length > MOST ? `, ${all.length - MOST} more` : '');
}
