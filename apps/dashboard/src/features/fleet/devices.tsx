/** The devices of the fleet by a filter: found, taken away as a file, changed together. */
import { Anchor, Button, Group } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { routes, routeUrl } from '@tinyfleet/contracts';
import { useEffect, useMemo, useState } from 'react';
import { resetList, useApiList } from '../../app/api';
import { useMay } from '../../app/role';
import { FilterBox } from '../../components/filter/filter-box';
import { useFilter } from '../../components/filter/use-filter';
import { Section } from '../../components/page';
import { BulkChange } from './bulk-change';
import { deviceRows, DeviceTable, type DeviceSort } from './device-table';

export function Devices({ project }: { project: string }) {
  const search = useSearch({ from: '/p/$project/' });
  const navigate = useNavigate({ from: '/p/$project/' });
  const may = useMay(project);
  const filter = useFilter(search.filter ?? '');
  const { applied } = filter;
  const [sort, setSort] = useState<DeviceSort>(search.sort ?? 'name');
  useEffect(() => {
    void navigate({
      search: { ...(applied === '' ? {} : { filter: applied }), ...(sort === 'name' ? {} : { sort }) },
      replace: true,
      resetScroll: false,
    });
  }, [applied, sort, navigate]);
  const input = {
    params: { project },
    query: { limit: 100, sort, ...(applied === '' ? {} : { filter: applied }) },
  };
  const devices = useApiList('deviceList', input, deviceRows);
  // Tags and sites that the filter box offers: of the first page, so that the others change nothing.
  const items = devices.data?.pages[0]?.items;
  const seen = useMemo(
    () => ({
      tag: items?.flatMap(({ tags }) => tags) ?? [],
      site: items?.flatMap(({ site }) => site ?? []) ?? [],
    }),
    [items],
  );
  return (
    <Section
      title="Devices"
      actions={
        <Group gap="sm">
          {applied === '' || !may('operator') ? null : (
            <Anchor
              component={Link}
              size="sm"
              to={`/p/${project}/groups?filter=${encodeURIComponent(applied)}`}
            >
              Save as a group
            </Anchor>
          )}
          <Anchor
            size="sm"
            href={routeUrl(routes.deviceExport, { project }, applied === '' ? {} : { filter: applied })}
            download
          >
            CSV
          </Anchor>
          {may('operator') ? <BulkChange project={project} filter={applied} /> : null}
        </Group>
      }
    >
      <div className="filter-room">
        <FilterBox project={project} filter={filter} label="Filter" error={devices.error} seen={seen} />
      </div>
      <DeviceTable
        project={project}
        list={devices}
        onReset={() => resetList('deviceList', input)}
        sort={sort}
        onSort={setSort}
        none={
          applied === '' ? (
            'No device yet.'
          ) : (
            <>
              No device matches.{' '}
              <Button variant="subtle" size="compact-xs" onClick={() => filter.setText('')}>
                Show all
              </Button>
            </>
          )
        }
      />
    </Section>
  );
}
