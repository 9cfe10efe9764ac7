/** Models of the project, and the place to drop a new one. */
import { Table, Text } from '@mantine/core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useApiList } from '../../app/api';
import { More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { ImportModel } from './import-model';

export function ModelsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const navigate = useNavigate();
  const models = useApiList('modelList', { params: { project }, query: {} });
  const rows = models.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Models"
      about="What was trained, by version. A version becomes a build for each device type, then a release."
    >
      <Section
        title="Import"
        about="TensorFlow Lite, ONNX, Keras (.h5, .keras) or a zipped tfjs layers model; nothing but the file is needed"
      >
        <ImportModel
          project={project}
          onImported={(made) =>
            void navigate({ to: '/p/$project/models/$model', params: { project, model: made.model } })
          }
        />
      </Section>
      <Section title="Models">
        {models.error === null ? null : <Problem error={models.error} />}
        <Table verticalSpacing={6} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Newest</Table.Th>
              <Table.Th ta="right">Versions</Table.Th>
              <Table.Th>Since</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.name}>
                <Table.Td>
                  <Link
                    className="row-link"
                    to="/p/$project/models/$model"
                    params={{ project, model: row.name }}
                  >
                    {row.name}
                  </Link>
                </Table.Td>
                <Table.Td>{row.latestVersion ?? '–'}</Table.Td>
                <Table.Td ta="right">{row.versionCount}</Table.Td>
                <Table.Td>
                  <Moment at={row.createdAt} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {models.data !== undefined && rows.length === 0 ? (
          <Text c="dimmed" size="sm" py="sm">
            No model yet.
          </Text>
        ) : null}
        <More
          hasNextPage={models.hasNextPage}
          isFetching={models.isFetchingNextPage}
          onMore={() => void models.fetchNextPage()}
        />
      </Section>
    </Page>
  );
}
