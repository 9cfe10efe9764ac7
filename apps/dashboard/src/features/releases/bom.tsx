/** What a release is made of, to look through and to keep as a CycloneDX file. */
import { Table } from '@mantine/core';
import { useApi } from '../../app/api';
import { shortDigest } from '../../app/format';
import { DataTable } from '../../components/data-table';
import { componentsOf } from './bom-components';
import { DocumentSection } from './document-section';

export function BomSection({ project, release }: { project: string; release: string }) {
  const bom = useApi('releaseComponents', { params: { project, release } });
  return (
    <DocumentSection
      title="Made of"
      about="Model, data, bundles, firmware, compiler and runtime: a CycloneDX ML-BOM, whose SHA-256 the signed statement names"
      query={bom}
      verb="SBOM"
      fileName={`${release}.cdx.json`}
      // As it was hashed: without a space.
      text={(data) => JSON.stringify(data)}
    >
      {(data) => (
        <DataTable label="Parts" minWidth={560} heads={['Part', 'What it is', 'Version', 'SHA-256']}>
          {componentsOf(data).map(({ type, name, version, digest }, index) => (
            <Table.Tr key={index}>
              <Table.Td>{name}</Table.Td>
              <Table.Td>{type.replaceAll('-', ' ')}</Table.Td>
              <Table.Td>{version ?? '–'}</Table.Td>
              <Table.Td className="mono" title={digest}>
                {digest === undefined ? '–' : `${shortDigest(digest)}…`}
              </Table.Td>
            </Table.Tr>
          ))}
        </DataTable>
      )}
    </DocumentSection>
  );
}
