/** What the int8 model gets right, beside the float one it was made from, and which layers lost most. */
import { Progress, SimpleGrid, Table, Text } from '@mantine/core';
import { plural, type Resource } from '@tinyfleet/contracts';
import { formatPercent } from '../../app/format';
import { Section } from '../../components/page';

type Report = Resource<'BuildReport'>;
type Accuracy = Pick<NonNullable<Report['validation']>, 'samples' | 'accuracy' | 'confusion'>;

export function Validation({ validation, float }: { validation: Accuracy; float: Accuracy | null }) {
  return (
    <Section
      title="On the validation data"
      about={`${plural(validation.samples, 'sample')} through the very kernels that ship`}
    >
      <SimpleGrid cols={{ base: 1, md: float === null ? 1 : 2 }}>
        <Confusion title="int8, on the device" accuracy={validation} />
        {float === null ? null : <Confusion title="float, as imported" accuracy={float} />}
      </SimpleGrid>
    </Section>
  );
}

function Confusion({ title, accuracy }: { title: string; accuracy: Accuracy }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {title}
      </Text>
      <Text className="tile-value">{formatPercent(accuracy.accuracy)}</Text>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={`Confusion matrix, ${title}`}>
        <Table withColumnBorders w="auto" mt="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>true ↓ said →</Table.Th>
              {accuracy.confusion.map((_, index) => (
                <Table.Th key={index} ta="right">
                  {index}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {accuracy.confusion.map((row, truth) => (
              <Table.Tr key={truth}>
                <Table.Th>{truth}</Table.Th>
                {row.map((count, said) => (
                  <Table.Td key={said} ta="right" fw={truth === said ? 600 : 400}>
                    {count}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </div>
  );
}

/** Signal to quantization noise: above about 60 dB nobody can tell, below about 10 dB little is left. */
const FULL_DB = 60;

export function Quantization({ quantization }: { quantization: NonNullable<Report['quantization']> }) {
  const { method, samples, source, range, layers } = quantization;
  const ranges =
    range === null
      ? `${method} over ${plural(samples, 'sample')} (${source})`
      : `${method} over the stated range ${range.join(' .. ')} (${source}): give samples for better ranges`;
  return (
    <Section title="Float to int8, layer by layer" about={ranges}>
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Error of each layer">
        <Table miw={560} verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Operator</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th ta="right">Largest error</Table.Th>
              <Table.Th ta="right">of</Table.Th>
              <Table.Th ta="right">SQNR</Table.Th>
              <Table.Th w={160} aria-label="SQNR as a bar" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {layers.map((layer, index) => (
              <Table.Tr key={index}>
                <Table.Td>{layer.op}</Table.Td>
                <Table.Td className="mono">{layer.name}</Table.Td>
                <Table.Td ta="right">{layer.maxError}</Table.Td>
                <Table.Td ta="right">{layer.maxValue}</Table.Td>
                <Table.Td ta="right">
                  {layer.sqnrDb === null ? 'exact' : `${layer.sqnrDb.toFixed(1)} dB`}
                </Table.Td>
                <Table.Td>
                  <Progress
                    value={Math.min(100, ((layer.sqnrDb ?? FULL_DB) / FULL_DB) * 100)}
                    color={layer.sqnrDb !== null && layer.sqnrDb < 15 ? 'red' : 'teal'}
                    aria-label={layer.sqnrDb === null ? 'exact' : `${layer.sqnrDb} dB`}
                  />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  );
}
