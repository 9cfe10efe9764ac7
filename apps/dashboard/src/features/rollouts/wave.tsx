/**
 * Steps of a rollout as a wave that swells with the share of the fleet it has reached. Heights are square roots, so that
 * a canary of 1 % can be seen beside everybody; the figures stand below.
 */
import { Text } from '@mantine/core';
import { useId, type ReactNode } from 'react';

export interface WaveStep {
  /** Cumulative, of the target. */
  readonly percent: number;
  readonly title: string;
  readonly lines: readonly ReactNode[];
}

const COLUMN = 100;
const HEIGHT = 84;
const heightOf = (percent: number): number => 8 + (HEIGHT - 14) * Math.sqrt(Math.min(100, percent) / 100);

export function Wave(props: {
  label: string;
  steps: readonly WaveStep[];
  /** Index of the step that runs; those before it are over. Undefined: nothing has begun. */
  step?: number;
  /** 0..1 of the step that runs. */
  progress?: number;
  /** It has stopped, or goes back: drawn in grey. */
  isStill?: boolean;
}) {
  const { steps, step = 0, progress = 0 } = props;
  const width = steps.length * COLUMN;
  const path = outline(steps.map(({ percent }) => heightOf(percent)));
  const done = Math.min(width, (step + Math.min(1, progress)) * COLUMN);
  const id = useId();
  return (
    <div className="wave scroll-x" tabIndex={0} role="group" aria-label={props.label}>
      <div style={{ minWidth: steps.length * 88 }}>
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" height={HEIGHT} aria-hidden>
          <clipPath id={id}>
            <rect
              className="wave-front"
              width={width}
              height={HEIGHT}
              style={{ transform: `scaleX(${done / width})` }}
            />
          </clipPath>
          <path d={path} className="wave-rest" />
          <path d={path} className="wave-done" data-still={props.isStill} clipPath={`url(#${id})`} />
          {steps.slice(1).map((_, index) => (
            <line
              key={index}
              x1={(index + 1) * COLUMN}
              x2={(index + 1) * COLUMN}
              y1={0}
              y2={HEIGHT}
              className="wave-edge"
              vectorEffect="non-scaling-stroke"
            />
          ))}
        </svg>
        <ol className="wave-steps" style={{ gridTemplateColumns: `repeat(${steps.length}, minmax(0, 1fr))` }}>
          {steps.map(({ title, lines }, index) => (
            <li key={index} aria-current={props.step === index ? 'step' : undefined}>
              <Text size="sm" fw={600} component="div">
                {title}
              </Text>
              {lines.map((line, at) => (
                <Text key={at} size="xs" c="dimmed" component="div">
                  {line}
                </Text>
              ))}
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}

/** A smooth top through the heights: flat in each column, swelling at the edges; closed at the bottom. */
function outline(heights: readonly number[]): string {
  const y = (height: number): string => (HEIGHT - height).toFixed(1);
  const bend = COLUMN * 0.3;
  const parts = [`M0 ${HEIGHT}`, `L0 ${y(heights[0] ?? 0)}`];
  heights.forEach((height, index) => {
    const end = (index + 1) * COLUMN;
    const next = heights[index + 1];
    if (next === undefined) {
      parts.push(`L${end} ${y(height)}`);
      return;
    }
    parts.push(`L${end - bend} ${y(height)}`);
    parts.push(`C${end} ${y(height)} ${end} ${y(next)} ${end + bend} ${y(next)}`);
  });
  return `${parts.join(' ')} L${heights.length * COLUMN} ${HEIGHT} Z`;
}
