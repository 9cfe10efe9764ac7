/** Drop or choose a model file; the name is proposed from it, labels are optional. */
import { Button, Group, Stack, TextInput } from '@mantine/core';
import { NAME_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { DropFile } from '../../components/drop-file';
import { Problem } from '../../components/page';
import { proposeName } from './propose-name';

export function ImportModel(props: {
  project: string;
  model?: string;
  onImported: (made: Resource<'ModelVersion'>) => void;
}) {
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState(props.model ?? '');
  const [labels, setLabels] = useState('');
  const upload = useAction('modelImport', props.onImported);
  const take = (chosen: File | null) => {
    setFile(chosen);
    if (chosen !== null && name === '') setName(proposeName(chosen.name));
  };
  const valid = file !== null && NAME_PATTERN.test(name);
  return (
    <Stack gap="sm">
      <DropFile file={file} what="a model file" accept=".tflite,.onnx,.h5,.keras,.zip,.json" onTake={take} />
      {file === null ? null : (
        <Group align="flex-end" gap="sm">
          <TextInput
            label="Name"
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            disabled={props.model !== undefined}
            error={name === '' || NAME_PATTERN.test(name) ? undefined : 'a-z 0-9 . _ -'}
          />
          <TextInput
            label="Labels"
            description="comma separated, optional"
            placeholder="yes, no, silence"
            value={labels}
            onChange={(e) => setLabels(e.currentTarget.value)}
            style={{ flex: 1 }}
          />
          <Button
            disabled={!valid}
            loading={upload.isPending}
            onClick={() => {
              void file.arrayBuffer().then((bytes) =>
                upload.mutate({
                  params: { project: props.project, model: name },
                  query: { fileName: file.name, ...(labels.trim() === '' ? {} : { labels }) },
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
