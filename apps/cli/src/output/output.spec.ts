/** Tables, CSV, numbers for people, live drawing. */
import { describe, expect, it } from '@jest/globals';
import { ago, bar, bytes, duration, percent } from './format.js';
import { LiveView, clip } from './live.js';
import { renderCsv, renderFacts, renderTable, type Column } from './output.js';

const plain = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, '');
const columns: Array<Column<{ name: string; n: number | null }>> = [
  { header: 'name', value: (r) => r.name },
  { header: 'n', value: (r) => r.n },
];

describe('output', () => {
  it('should align columns, numbers to the right', () => {
    const text = plain(
      renderTable(
        [
          { name: 'a', n: 5 },
          { name: 'long', n: 12 },
        ],
        columns,
      ),
    );
    expect(text).toBe('NAME   N\na      5\nlong  12');
  });

  it('should show nothing as a dash', () => {
    expect(plain(renderTable([{ name: '', n: null }], columns)).split('\n')[1]).toBe('-     -');
    expect(
      plain(
        renderFacts([
          ['a', null],
          ['bc', 1],
        ]),
      ),
    ).toBe('a   -\nbc  1');
  });

  it('should quote CSV and disarm formulas', () => {
    const rows = [
      { name: 'a "b", c', n: 1 },
      { name: '=1+1', n: -2 },
    ];
    expect(renderCsv(rows, columns)).toBe('name,n\r\n"a ""b"", c",1\r\n\'=1+1,-2');
  });

  it('should write numbers as people read them', () => {
    expect([bytes(9_999), bytes(54_000), bytes(5_000_000), bytes(null)]).toEqual([
      '9,999 B',
      '52.7 KiB',
      '4.8 MiB',
      '-',
    ]);
    expect([12, 4_200, 125_000, 3_599_900, 7_260_000, 176_400_000].map(duration)).toEqual([
      '12 ms',
      '4.2 s',
      '2 min 5 s',
      '1 h',
      '2 h 1 min',
      '2 d 1 h',
    ]);
    expect(percent(0.125, 1)).toBe('12.5 %');
    expect([bar(0, 4), bar(0.5, 4), bar(2, 4)]).toEqual(['[....]', '[##..]', '[####]']);
    const now = Date.parse('2026-01-02T00:00:00Z');
    expect([
      ago('2026-01-01T23:59:48Z', now),
      ago('2026-01-01T21:00:00Z', now),
      ago(null, now),
      ago('2025-01-01T00:00:00Z', now),
    ]).toEqual(['12 s ago', '3 h ago', 'never', '2025-01-01']);
  });

  it('should cut to visible characters and keep colours whole', () => {
    expect(clip('\u001b[31mabcdef\u001b[39m', 3)).toBe('\u001b[31mabc\u001b[39m');
  });

  it('should print lines when nobody looks and redraw on a terminal', () => {
    const written: string[] = [];
    const stream = (isTTY: boolean) =>
      ({ isTTY, columns: 80, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream;
    const log = new LiveView(stream(false));
    log.draw(['x'], 'one');
    log.draw(['y'], 'one');
    log.draw(['z'], 'two');
    expect(written.splice(0)).toEqual(['one\n', 'two\n']);
    const terminal = new LiveView(stream(true));
    terminal.draw(['a', 'b'], '');
    terminal.draw(['c'], '');
    expect(written).toEqual(['a\nb\n', '\u001b[2A\r\u001b[Jc\n']);
  });
});
