/** Look of the dashboard: one accent, system fonts, and the colour-blind-safe palette of Okabe and Ito for data. */
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const harbour: MantineColorsTuple = [
  '#e8f4fb',
  '#d3e6f2',
  '#a6cbe4',
  '#75afd6',
  '#4d97ca',
  '#3388c3',
  '#2180c1',
  '#106eab',
  '#00629a',
  '#005488',
];

/** Mantine's, but for the shades of filled buttons: white on them is read on dark and light, 5.4 to 1. */
const red: MantineColorsTuple = [
  '#fff5f5',
  '#ffe3e3',
  '#ffc9c9',
  '#ffa8a8',
  '#ff8787',
  '#ff6b6b',
  '#fa5252',
  '#c92a2a',
  '#c92a2a',
  '#b02525',
];

export const theme = createTheme({
  primaryColor: 'harbour',
  primaryShade: { light: 8, dark: 7 },
  colors: { harbour, red },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  defaultRadius: 'md',
  headings: { fontWeight: '600' },
  cursorType: 'pointer',
  components: { Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } } },
});

/** Okabe & Ito 2008, ordered so that neighbours differ in lightness; blue and grey lightened to read on dark too. */
export const DATA_COLORS = [
  '#1f87c9',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#8a7f00',
  '#858585',
] as const;

/** The colour of the n-th series; more than eight repeat. */
export function dataColor(index: number): string {
  return DATA_COLORS[index % DATA_COLORS.length] ?? DATA_COLORS[0];
}
