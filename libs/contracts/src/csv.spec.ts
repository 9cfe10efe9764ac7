/** Cells that a spreadsheet would run, and the way back. */
import { describe, expect, it } from '@jest/globals';
import { csvLine, csvText } from './csv.js';

describe('csvLine', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['\rx', '"\'\rx"'],
    ['\nx', '"\'\nx"'],
    ['\uFF1D1', "'\uFF1D1"],
    ["'=1", "''=1"],
    ["'x", "'x"],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
    ['a=1', 'a=1'],
    ['', ''],
  ])('should defuse %j', (text, cell) => {
    expect(csvLine([text])).toBe(cell);
    const read = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    expect(csvText(read)).toBe(text);
  });

  it('should leave numbers, which are no formulas', () => {
    expect(csvLine([-2, true, null, undefined, -0.5])).toBe('-2,true,,,-0.5');
  });
});
