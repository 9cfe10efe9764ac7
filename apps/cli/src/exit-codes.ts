/** What exit codes mean: docs/cli.md has the table, every registered error one of them. */
export const EXIT_CODES: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'the outcome is a failure',
  2: 'usage',
  3: 'not allowed',
  4: 'not found',
  5: 'conflict',
  6: 'input refused',
  7: 'not available',
  8: 'this machine',
  70: 'a defect',
  130: 'interrupted',
};
