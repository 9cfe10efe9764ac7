/** Where the bundles of a release come from, as it was signed; the envelope itself to check it elsewhere. */
import { Group, Table, Text } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useApi } from '../../app/api';
import { formatActor, shortDigest } from '../../app/format';
import { DataTable } from '../../components/data-table';
import { Moment } from '../../components/time';
import { DocumentSection } from './document-section';
import { readStatement, type Provenance } from './release-words';

export function ProvenanceSection({ project, release }: { project: string; release: string }) {
  const envelope = useApi('releaseProvenance', { params: { project, release } });
  return (
    <DocumentSection
      title="Provenance"
      about="A signed statement (in-toto, SLSA, DSSE) of what it was made from, by what and by whom"
      query={envelope}
      verb="Envelope"
      fileName={`${release}.provenance.json`}
      text={(data) => JSON.stringify(data, null, 2)}
    >
      {(data) => <Envelope envelope={data} />}
    </DocumentSection>
  );
}

function Envelope({ envelope }: { envelope: Resource<'DsseEnvelope'> }) {
  const statement = readStatement(envelope.payload);
  if (statement === undefined)
    return (
      <Text size="sm">
        The statement cannot be read here. Its envelope can be saved and looked at elsewhere.
      </Text>
    );
  return (
    <>
      <Text size="sm">
        Made by the TinyFleet compiler {statement.compiler}, asked for by {formatActor(statement.requestedBy)}
        {statement.finishedOn === null ? null : (
          <>
            , <Moment at={statement.finishedOn} />
          </>
        )}
        .
      </Text>
      <Files statement={statement} />
      <Group gap="xs" mt="xs">
        <Text size="xs" c="dimmed">
          Signed by {envelope.signatures.length === 1 ? 'key' : 'keys'}
        </Text>
        {envelope.signatures.map(({ keyid }) => (
          <Text key={keyid} size="xs" className="mono">
            {keyid}
          </Text>
        ))}
      </Group>
    </>
  );
}

function Files({ statement }: { statement: Provenance }) {
  const rows = [
    ...statement.materials.map((one) => ({ ...one, way: 'made from' })),
    ...statement.subjects.map((one) => ({ ...one, role: 'bundle', way: 'gives' })),
  ];
  return (
    <DataTable label="Files" minWidth={560} heads={['', 'File', 'What it is', 'SHA-256']}>
      {rows.map(({ way, name, role, digest }) => (
        <Table.Tr key={`${way}${name}${digest}`}>
          <Table.Td c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            {way}
          </Table.Td>
          <Table.Td>{name}</Table.Td>
          <Table.Td>{role}</Table.Td>
          <Table.Td className="mono" title={digest}>
            {shortDigest(digest)}…
          </Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  );
}
