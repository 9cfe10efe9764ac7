/** Arena over time: plan steps across, bytes down. What the planner packed, and where room is left. */
import { plural, type Resource } from '@tinyfleet/contracts';
import { formatBytes } from '../../app/format';
import { dataColor } from '../../app/theme';

interface Props {
  readonly blocks: Resource<'BuildReport'>['arena'];
  readonly arenaBytes: number;
  readonly steps: number;
}

const WIDTH = 960;
const HEIGHT = 220;
const LEFT = 64;

export function ArenaMap({ blocks, arenaBytes, steps }: Props) {
  const stepWidth = (WIDTH - LEFT) / Math.max(1, steps);
  const y = (bytes: number) => (bytes / Math.max(1, arenaBytes)) * HEIGHT;
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`}
      width="100%"
      role="img"
      aria-label={`Arena of ${formatBytes(arenaBytes)} over ${plural(steps, 'plan step')}, ${plural(blocks.length, 'tensor')}`}
    >
      <rect x={LEFT} y={0} width={WIDTH - LEFT} height={HEIGHT} fill="currentColor" opacity={0.05} />
      {[0, 0.5, 1].map((share) => (
        <text
          key={share}
          x={LEFT - 6}
          y={Math.min(HEIGHT - 2, Math.max(10, share * HEIGHT + 4))}
          fontSize={11}
          textAnchor="end"
          fill="currentColor"
          opacity={0.7}
        >
          {formatBytes(Math.round(share * arenaBytes))}
        </text>
      ))}
      {blocks.map((block, index) => (
        <rect
          key={block.tensor}
          x={LEFT + Math.max(0, block.firstStep) * stepWidth + 0.5}
          y={y(block.offset) + 0.5}
          width={Math.max(1, (block.lastStep - Math.max(0, block.firstStep) + 1) * stepWidth - 1)}
          height={Math.max(1, y(block.bytes) - 1)}
          rx={2}
          fill={dataColor(index)}
          opacity={0.8}
        >
          <title>{`${block.tensor}: ${formatBytes(block.bytes)} at ${block.offset}, steps ${block.firstStep} to ${block.lastStep}`}</title>
        </rect>
      ))}
      <text x={LEFT} y={HEIGHT + 14} fontSize={11} fill="currentColor" opacity={0.7}>
        step 0
      </text>
      <text x={WIDTH} y={HEIGHT + 14} fontSize={11} textAnchor="end" fill="currentColor" opacity={0.7}>
        step {Math.max(0, steps - 1)}
      </text>
    </svg>
  );
}
