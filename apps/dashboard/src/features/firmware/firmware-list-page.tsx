/** Firmware of the project, and the place to drop an image. */
import { useNavigate, useParams } from '@tanstack/react-router';
import { useApiList } from '../../app/api';
import { NamedVersions } from '../../components/named-versions';
import { Empty, More, Page, Problem, Section } from '../../components/page';
import { ImportFirmware } from './import-firmware';

export function FirmwareListPage() {
  const { project } = useParams({ from: '/p/$project' });
  const navigate = useNavigate();
  const list = useApiList('firmwareList', { params: { project }, query: {} });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Firmware"
      about="What runs models, by version: one image for each device type. It is released alone, or before the model that needs it."
    >
      <Section
        title="Import"
        about="The file as the boot loader takes it; the platform does not look into it"
      >
        <ImportFirmware
          project={project}
          onImported={(made) =>
            void navigate({
              to: '/p/$project/firmware/$firmware',
              params: { project, firmware: made.firmware },
            })
          }
        />
      </Section>
      {list.error === null ? null : <Problem error={list.error} />}
      {list.data === undefined ? null : rows.length === 0 ? (
        <Empty
          title="No firmware yet"
          about="Devices whose port can swap its own image take it over the air. Drop an image above, or import it from the command line."
          commands={[
            `npx tinyfleet firmware import app.bin --name app --version 1.0.0 --type TYPE --project ${project}`,
          ]}
        />
      ) : (
        <Section title="Firmware">
          <NamedVersions
            label="Firmware"
            rows={rows}
            linkOf={(firmware) => ({ to: '/p/$project/firmware/$firmware', params: { project, firmware } })}
          />
          <More
            hasNextPage={list.hasNextPage}
            isFetching={list.isFetchingNextPage}
            onMore={() => void list.fetchNextPage()}
          />
        </Section>
      )}
    </Page>
  );
}
