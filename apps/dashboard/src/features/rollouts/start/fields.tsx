/** Fields of a draft side by side: each a text as it was typed, read when the next stage begins. */
import { SimpleGrid, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';

export function Fields({ children, most = 3 }: { children: ReactNode; most?: 2 | 3 }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, md: most }} spacing="md">
      {children}
    </SimpleGrid>
  );
}

export function Field(props: {
  label: string;
  about?: string;
  placeholder?: string;
  inputMode?: 'numeric' | 'decimal';
  unit?: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const { label, about, placeholder, inputMode, unit, value, onChange } = props;
  return (
    <TextInput
      label={label}
      {...(about === undefined ? {} : { description: about })}
      {...(placeholder === undefined ? {} : { placeholder })}
      {...(inputMode === undefined ? {} : { inputMode })}
      {...(unit === undefined ? {} : { rightSection: unit })}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
