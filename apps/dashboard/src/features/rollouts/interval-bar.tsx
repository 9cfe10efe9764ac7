/** An always-valid interval on an axis that is measured in margins, and the head of a list of them. */
import type { ReactNode } from 'react';
import { intervalOf, percentAt } from './interval';

export interface IntervalBarProps {
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly margin: number;
  readonly color: string;
  /** Said in place of the drawing. */
  readonly label: string;
  readonly marginWords: string;
  /** Two versions are compared: within the margins they are the same. Otherwise: left of the margin is bad. */
  readonly isTwoSided?: boolean;
}

export function IntervalBar(props: IntervalBarProps) {
  const { color } = props;
  const drawn = intervalOf(props);
  const at = (share: number): string => `${(100 * share).toFixed(2)}%`;
  return (
    <svg className="interval" role="img" aria-label={props.label}>
      {props.isTwoSided === true ? (
        <rect x={percentAt(-1)} y="0" width={at(0.4)} height="30" className="same-zone" />
      ) : (
        <rect x="0" y="0" width={percentAt(-1)} height="30" className="bad-side" />
      )}
      <line x1={percentAt(-1)} x2={percentAt(-1)} y1="0" y2="30" className="margin-line">
        <title>{props.marginWords}</title>
      </line>
      {props.isTwoSided === true ? (
        <line x1={percentAt(1)} x2={percentAt(1)} y1="0" y2="30" className="margin-line" />
      ) : null}
      <line x1={percentAt(0)} x2={percentAt(0)} y1="0" y2="30" className="zero-line" />
      {drawn?.bar === undefined ? null : (
        <line x1={at(drawn.bar.from)} x2={at(drawn.bar.to)} y1="15" y2="15" stroke={color} strokeWidth="4" />
      )}
      {drawn?.ends.map(({ share, way }) =>
        way === 'here' ? (
          <line key={share} x1={at(share)} x2={at(share)} y1="8" y2="22" stroke={color} strokeWidth="2.5" />
        ) : (
          <svg key={share} x={at(share)} y="15" overflow="visible">
            <path d={way === 'left' ? 'M-1 0 L8 -7 L8 7 Z' : 'M1 0 L-8 -7 L-8 7 Z'} fill={color} />
          </svg>
        ),
      )}
      {drawn?.dot === undefined ? null : (
        <circle
          cx={at(drawn.dot)}
          cy="15"
          r="5"
          fill={color}
          stroke="var(--mantine-color-body)"
          strokeWidth="2"
        />
      )}
    </svg>
  );
}

export function IntervalAxis({ left = 'worse', right = 'better', isTwoSided = false }) {
  const mark = (margins: number, text: ReactNode) => <span style={{ left: percentAt(margins) }}>{text}</span>;
  return (
    <div className="gate-row gate-head" aria-hidden>
      <span />
      <div className="interval-axis">
        <span style={{ left: 0, transform: 'none' }}>← {left}</span>
        {isTwoSided ? mark(-1, '−margin') : mark(-1, 'margin')}
        {mark(0, 'equal')}
        {isTwoSided ? mark(1, 'margin') : null}
        <span style={{ left: 'auto', right: 0, transform: 'none' }}>{right} →</span>
      </div>
      <span />
    </div>
  );
}
