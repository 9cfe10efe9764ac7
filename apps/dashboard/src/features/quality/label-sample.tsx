/** What the device measured, as lines over the order of its values; one for each channel. */
import { Skeleton, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { client } from '../../app/api';
import { dataColor } from '../../app/theme';
import { Exportable } from '../../components/exportable';
import { readNpy, type Npy } from './npy';

const HEIGHT = 200;
/** More channels are drawn over each other and nobody can tell them apart. */
const MOST_CHANNELS = 6;

export function LabelSample({ project, sample }: { project: string; sample: string }) {
  const [read, setRead] = useState<Npy | 'unreadable' | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    client.call('sampleGet', { params: { project, sample }, signal: stop.signal }).then(
      (bytes) => setRead(readNpy(bytes) ?? 'unreadable'),
      () => (stop.signal.aborted ? undefined : setRead('unreadable')),
    );
    return () => stop.abort();
  }, [project, sample]);
  if (read === null) return <Skeleton height={HEIGHT} radius="md" aria-label="Loading" />;
  if (read === 'unreadable' || read.values.length === 0)
    return (
      <Text size="sm" c="dimmed">
        Its sample cannot be drawn. It can be saved with <span className="mono">sample get {sample}</span>.
      </Text>
    );
  return <Lines data={read} sample={sample} />;
}

function Lines({ data, sample }: { data: Npy; sample: string }) {
  const { ref, width } = useElementSize();
  const { values, shape } = data;
  const last = shape.at(-1) ?? 1;
  const channels = shape.length > 1 && last <= MOST_CHANNELS ? last : 1;
  const points = Math.floor(values.length / channels);
  const [low, high] = values.reduce<[number, number]>(
    ([a, b], v) => [Math.min(a, v), Math.max(b, v)],
    [0, 1],
  );
  const x = (i: number) => (i / Math.max(1, points - 1)) * Math.max(1, width);
  const y = (v: number) => 6 + (1 - (v - low) / Math.max(1, high - low)) * (HEIGHT - 12);
  return (
    <Exportable
      name={`sample-${sample}`}
      isBelowText
      title="What the device measured"
      table={() => ({
        heads: Array.from({ length: channels }, (_, c) => `channel ${c + 1}`),
        rows: Array.from({ length: points }, (_, i) => values.slice(i * channels, (i + 1) * channels)),
      })}
    >
      <div ref={ref} style={{ minHeight: HEIGHT }}>
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`${points} values in ${channels} channels, from ${low} to ${high}`}
        >
          {Array.from({ length: channels }, (_, c) => (
            <polyline
              key={c}
              fill="none"
              stroke={dataColor(c)}
              strokeWidth={1.5}
              points={Array.from(
                { length: points },
                (_v, i) => `${x(i)},${y(values[i * channels + c] ?? 0)}`,
              ).join(' ')}
            />
          ))}
        </svg>
      </div>
      <Text size="xs" c="dimmed">
        {points} values{channels > 1 ? ` in ${channels} channels` : ''}, as the model takes them (quantized)
      </Text>
    </Exportable>
  );
}
