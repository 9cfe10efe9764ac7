/** Models of the project, and the place to drop a new one. */
import { useNavigate, useParams } from '@tanstack/react-router';
import { useApiList } from '../../app/api';
import { NamedVersions } from '../../components/named-versions';
import { Empty, More, Page, Problem, Section } from '../../components/page';
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
      {models.data !== undefined && rows.length === 0 ? (
        <Empty
          title="No model yet"
          about="Drop a file above, or import it from the command line. Labels, samples and validation data can follow."
          commands={[`npx tinyfleet model import my-model.tflite --name my-model --project ${project}`]}
        />
      ) : (
        <Section title="Models">
          {models.error === null ? null : <Problem error={models.error} />}
          <NamedVersions
            label="Models"
            rows={models.data === undefined ? undefined : rows}
            linkOf={(model) => ({ to: '/p/$project/models/$model', params: { project, model } })}
          />
          <More
            hasNextPage={models.hasNextPage}
            isFetching={models.isFetchingNextPage}
            onMore={() => void models.fetchNextPage()}
          />
        </Section>
      )}
    </Page>
  );
}
