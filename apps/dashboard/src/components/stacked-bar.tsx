/** Shares of a whole as one bar with a legend of numbers. */
import { Group, Text } from '@mantine/core';
import { formatInteger } from '../app/format';

export interface Share {
  readonly label: string;
  readonly value: number;
  readonly color: string;
}

export function StackedBar(props: {
  label: string;
  shares: readonly Share[];
  format?: (value: number) => string;
}) {
  const format = props.format ?? formatInteger;
  const shown = props.shares.filter((share) => share.value > 0);
  const text = shown.map((share) => `${share.label} ${format(share.value)}`).join(', ');
  return (
    <div>
      <div className="stack-bar" role="img" aria-label={`${props.label}: ${text}`}>
        {shown.map((share) => (
          <span
            key={share.label}
            style={{ flexGrow: share.value, flexBasis: 0, background: share.color }}
            title={`${share.label}: ${format(share.value)}`}
          />
        ))}
      </div>
      <Group gap="md" mt={8}>
        {shown.map((share) => (
          <Group key={share.label} gap={6}>
            <span
              aria-hidden
              style={{
                width: 10,
                height: 10,
                borderRadius: 3,
                background: share.color,
                display: 'inline-block',
              }}
            />
            <Text size="sm">
              {share.label} <b>{format(share.value)}</b>
            </Text>
          </Group>
        ))}
      </Group>
    </div>
  );
}
