/** Drop or choose an image; name, version and device type are proposed from it and from the fleet. */
import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { NAME_PATTERN, VERSION_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { DropFile } from '../../components/drop-file';
import { Problem } from '../../components/page';
import { HEAD_BYTES, proposeFirmware } from './propose-firmware';

export function ImportFirmware(props: {
  project: string;
  firmware?: string;
  onImported: (made: Resource<'FirmwareImage'>) => void;
}) {
  const params = { project: props.project };
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState(props.firmware ?? '');
  const [version, setVersion] = useState('');
  const [type, setType] = useState<string | null>(null);
  const types = useApi('deviceTypeList', { params });
  const fleet = useApi('fleetSummary', { params });
  const upload = useAction('firmwareImport', (made) => {
    setFile(null);
    props.onImported(made);
  });
  const take = async (chosen: File | null) => {
    setFile(chosen);
    if (chosen === null) return;
    const proposed = proposeFirmware(
      chosen.name,
      new Uint8Array(await chosen.slice(0, HEAD_BYTES).arrayBuffer()),
    );
    if (props.firmware === undefined) setName(proposed.name);
    setVersion(proposed.version);
  };
  // What most devices are.
  const [usual] = Object.entries(fleet.data?.byType ?? {}).sort(([, a], [, b]) => b - a);
  const chosenType = type ?? usual?.[0] ?? null;
  const isValid =
    file !== null && NAME_PATTERN.test(name) && VERSION_PATTERN.test(version) && chosenType !== null;
  return (
    <Stack gap="sm">
      <DropFile file={file} what="an image" onTake={(chosen) => void take(chosen)} />
      {file === null ? null : (
        <Group align="flex-end" gap="sm">
          <TextInput
            label="Name"
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            disabled={props.firmware !== undefined}
            error={name === '' || NAME_PATTERN.test(name) ? undefined : 'a-z 0-9 . _ -'}
          />
          <TextInput
            label="Version"
            description="as its devices report it"
            placeholder="1.2.0"
            value={version}
            onChange={(e) => setVersion(e.currentTarget.value)}
            error={version === '' || VERSION_PATTERN.test(version) ? undefined : 'such as 1.2.0'}
          />
          <Select
            label="Device type"
            description="it runs on"
            searchable
            data={types.data?.items.map((one) => one.name) ?? []}
            value={chosenType}
            onChange={setType}
          />
          <Button
            disabled={!isValid}
            loading={upload.isPending}
            onClick={() => {
              void file.arrayBuffer().then((bytes) =>
                upload.mutate({
                  params: { ...params, firmware: name },
                  query: { version, deviceType: chosenType!, fileName: file.name },
                  body: new Uint8Array(bytes),
                }),
              );
            }}
          >
            Import
          </Button>
        </Group>
      )}
      {upload.error === null ? null : <Problem error={upload.error} />}
    </Stack>
  );
}
