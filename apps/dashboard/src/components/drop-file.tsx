/** Where a file is dropped, or chosen. */
import { Button, FileButton, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { formatBytes } from '../app/format';

export function DropFile(props: {
  file: File | null;
  /** Such as "a model file". */
  what: string;
  /** Endings; default: any. */
  accept?: string;
  onTake: (file: File | null) => void;
}) {
  const { file, what, onTake } = props;
  const [over, setOver] = useState(false);
  return (
    <div
      className="drop-area"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onTake(event.dataTransfer.files[0] ?? null);
      }}
    >
      <Group justify="center" gap="sm">
        <Text size="sm">
          {file === null ? `Drop ${what} here or` : `${file.name}, ${formatBytes(file.size)}`}
        </Text>
        <FileButton onChange={onTake} {...(props.accept === undefined ? {} : { accept: props.accept })}>
          {(button) => (
            <Button {...button} variant="default" size="xs">
              {file === null ? 'choose one' : 'another'}
            </Button>
          )}
        </FileButton>
      </Group>
    </div>
  );
}
