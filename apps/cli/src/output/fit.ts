/** Whether a build fits each device type, and what an inference would cost there, as text. */
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { count, percent } from './format.js';
import { renderTable } from './output.js';

export type Fit = CallOutput<'buildFit'>;
type Row = Fit['items'][number];

export function renderFit(fit: Fit): string {
  const table = renderTable(fit.items, [
    { header: 'type', value: (row) => row.deviceType },
    { header: 'core', value: (row) => row.core },
    { header: 'MHz', value: (row) => Math.round(row.clockHz / 1_000_000) },
    { header: 'slot', value: (row) => used(row.slot) },
    { header: 'arena', value: (row) => used(row.arena) },
    {
      header: 'fits',
      value: (row) => row.fits,
      text: (row) => (row.fits ? pc.green('yes') : pc.red('no')),
    },
    { header: 'time', value: (row) => milliseconds(row) },
    { header: 'energy', value: (row) => microjoules(row) },
  ]);
  const advice = fit.items.flatMap((row) => row.advice.map((text) => `${row.deviceType}: ${text}`));
  return [table, ...advice, pc.dim(fit.basis)].join('\n');
}

const used = ({ requiredBytes, availableBytes }: Row['slot']): string =>
  availableBytes === 0 ? '-' : percent(requiredBytes / availableBytes);

function milliseconds({ estimate }: Row): string {
  if (estimate === null) return '-';
  const { milliseconds: ms, timeError } = estimate;
  return `~${ms < 10 ? ms.toFixed(2) : count(Math.round(ms))} ms ±${percent(timeError)}`;
}

function microjoules({ estimate }: Row): string {
  if (estimate?.microjoules === null || estimate === null) return '-';
  return `~${count(Math.round(estimate.microjoules))} uJ ±${percent(estimate.energyError ?? 0)}`;
}
