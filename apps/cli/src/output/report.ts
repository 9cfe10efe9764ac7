/** A build report as text: where flash goes, arena, work, fit, validation, diagnostics. */
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { bar, bytes, count, percent, plural } from './format.js';
import { renderFacts } from './output.js';

export type Report = CallOutput<'buildReport'>;
export interface ReportContext {
  readonly model: string;
  readonly version: string;
  readonly deviceType: string;
  readonly bundleDigest: string | null;
  /** Of the device type, when known. */
  readonly slotBytes?: number;
  readonly availableArenaBytes?: number;
}

const WIDTH = 30;

export function renderReport(report: Report, context: ReportContext): string {
  const blocks = [
    pc.bold(`${context.model}@${context.version} for ${context.deviceType}`),
    renderFacts([
      [
        'bundle',
        `${bytes(report.bundleBytes)}${fit(report.fits.slot, report.bundleBytes, context.slotBytes, 'slot')}`,
      ],
      [
        'arena',
        `${bytes(report.arenaBytes)}${fit(report.fits.arena, report.arenaBytes, context.availableArenaBytes, 'arena')}`,
      ],
      [
        'lower bound',
        `${bytes(report.arenaLowerBoundBytes)} (${percent(overhead(report), 1)} above the peak of live tensors)`,
      ],
      ['state', bytes(report.stateBytes)],
      ['work', `${count(report.macs)} MACs in ${plural(report.ops.length, 'step')}`],
      ['self-test', goldenText(report)],
      ['runtime ABI', report.abi],
      ['digest', context.bundleDigest],
      ['compiler', `${report.compilerVersion}, ${report.seconds.toFixed(2)} s`],
    ]),
    `${pc.dim('FLASH')}\n${sections(report.flash)}`,
    `${pc.dim('ARENA')}\n${arenaText(report)}`,
  ];
  const steps = heaviest(report);
  if (steps !== '') blocks.push(`${pc.dim('MOST WORK')}\n${steps}`);
  if (report.validation !== null) {
    const float = report.quantization?.float;
    blocks.push(
      `${pc.dim('VALIDATION')}\naccuracy ${percent(report.validation.accuracy, 1)} on ${plural(report.validation.samples, 'sample')}` +
        (float === undefined || float === null ? '' : ` (float model ${percent(float.accuracy, 1)})`),
      ...baselineText(report.validation),
    );
  } else
    blocks.push(
      `${pc.dim('VALIDATION')}\nnone: accuracy in the field cannot be estimated without labels (model import --validation x.npy,y.npy)`,
    );
  if (report.quantization !== null)
    blocks.push(`${pc.dim('QUANTIZATION')}\n${quantizationText(report.quantization)}`);
  for (const diagnostic of report.diagnostics) {
    const paint =
      diagnostic.severity === 'error' ? pc.red : diagnostic.severity === 'warning' ? pc.yellow : pc.dim;
    const where = diagnostic.op ?? diagnostic.tensor;
    blocks.push(
      `${paint(diagnostic.severity)}  ${where === undefined ? '' : `${where}: `}${diagnostic.message}` +
        (diagnostic.hint === undefined ? '' : `\n       ${diagnostic.hint}`),
    );
  }
  return blocks.join('\n\n');
}

function fit(fits: boolean, used: number, available: number | undefined, what: string): string {
  const share =
    available === undefined || available === 0 ? '' : `, ${percent(used / available)} of the ${what}`;
  return fits ? `${share}, ${pc.green('fits')}` : `${share}, ${pc.red(`does not fit the ${what}`)}`;
}

function overhead(report: Report): number {
  return report.arenaLowerBoundBytes === 0 ? 0 : report.arenaBytes / report.arenaLowerBoundBytes - 1;
}

function goldenText(report: Report): string {
  const coverage =
    report.goldenCoverage === null
      ? ''
      : `, a flip in ${percent(report.goldenCoverage, 1)} of the stored blocks is noticed`;
  return `${report.goldenVectors} golden vectors${coverage}`;
}

function sections(flash: Readonly<Record<string, number>>): string {
  const rows = Object.entries(flash).sort(([, a], [, b]) => b - a);
  const total = rows.reduce((sum, [, n]) => sum + n, 0);
  const name = Math.max(...rows.map(([section]) => section.length), 5);
  const size = Math.max(...rows.map(([, n]) => bytes(n).length), 1);
  return rows
    .map(([section, n]) => {
      const share = total === 0 ? 0 : n / total;
      return `${section.padEnd(name)}  ${bytes(n).padStart(size)}  ${bar(share, WIDTH)} ${percent(share, 1).padStart(6)}`;
    })
    .join('\n');
}

/** One line per tensor, its life as a stripe over the plan's steps; the 8 largest. */
function arenaText(report: Report): string {
  // An input lives from step -1: it is written before the first one.
  const last = Math.max(1, ...report.arena.map((t) => t.lastStep));
  const column = (step: number) => ((step + 1) / (last + 2)) * WIDTH;
  const largest = [...report.arena].sort((a, b) => b.bytes - a.bytes).slice(0, 8);
  const shown = largest.sort((a, b) => a.firstStep - b.firstStep || a.offset - b.offset);
  const name = Math.max(...shown.map((t) => Math.min(t.tensor.length, 28)), 1);
  const rows = shown.map((tensor) => {
    const from = Math.floor(column(tensor.firstStep));
    const to = Math.max(from + 1, Math.ceil(column(tensor.lastStep + 1)));
    const stripe = ' '.repeat(from) + '='.repeat(to - from) + ' '.repeat(Math.max(0, WIDTH - to));
    const title = tensor.tensor.length > 28 ? `...${tensor.tensor.slice(-25)}` : tensor.tensor;
    return `${title.padEnd(name)}  |${stripe}|  ${bytes(tensor.bytes)} at ${tensor.offset}`;
  });
  if (report.arena.length > shown.length)
    rows.push(pc.dim(`and ${report.arena.length - shown.length} smaller tensors`));
  return rows.join('\n');
}

function heaviest(report: Report): string {
  const steps = [...report.ops].filter((op) => op.macs > 0).sort((a, b) => b.macs - a.macs);
  const shown = steps.slice(0, 5);
  const width = Math.max(...shown.map((op) => op.op.length), 1);
  return shown
    .map((op) => {
      const share = report.macs === 0 ? 0 : op.macs / report.macs;
      return `${op.op.padEnd(width)}  ${count(op.macs).padStart(12)} MACs  ${bar(share, WIDTH)} ${percent(share, 1).padStart(6)}`;
    })
    .join('\n');
}

/** How sure it was against how often it was right, and what windows are compared with. */
function baselineText({ histogram, correct, features, ood }: NonNullable<Report['validation']>): string[] {
  const blocks: string[] = [];
  const bins = histogram[0]?.length ?? 0;
  const rows = Array.from({ length: bins }, (_, bin) => {
    const [n, right] = [histogram, correct].map((table) =>
      table.reduce((sum, row) => sum + (row[bin] ?? 0), 0),
    );
    return { bin, n: n!, right: right! };
  }).filter(({ n }) => n > 0);
  if (rows.length > 0)
    blocks.push(
      [
        pc.dim('CONFIDENCE AND HOW MANY WERE RIGHT'),
        ...rows.map(({ bin, n, right }) => {
          const from = `${percent(bin / bins).padStart(5)} to ${percent((bin + 1) / bins).padStart(5)}`;
          return `${from}  ${bar(right / n, WIDTH)} ${percent(right / n).padStart(5)} of ${count(n)}`;
        }),
      ].join('\n'),
    );
  const monitored = [...features, ...(ood === null ? [] : [ood])];
  if (monitored.length > 0) {
    const name = Math.max(...monitored.map((one) => one.name.length));
    const real = (one: (typeof monitored)[number], q: number) =>
      ((q - one.zeroPoint) * one.scale).toPrecision(4);
    blocks.push(
      [
        pc.dim('MONITORED'),
        ...monitored.map(
          (one) =>
            `${one.name.padEnd(name)}  ${real(one, one.min)} to ${real(one, one.max)}, ${one.edges.length + 1} bins`,
        ),
      ].join('\n'),
    );
  }
  return blocks;
}

/** Where the ranges come from, and the layers that lost most. */
function quantizationText(quantization: NonNullable<Report['quantization']>): string {
  const { method, samples, source, range, layers } = quantization;
  const over =
    range === null ? `${plural(samples, 'sample')} (${source})` : `${range.join(' .. ')} (${source})`;
  const worst = layers
    .filter(({ sqnrDb }) => sqnrDb !== null)
    .sort((a, b) => (a.sqnrDb ?? 0) - (b.sqnrDb ?? 0))
    .slice(0, 5);
  const width = Math.max(...worst.map(({ op }) => op.length), 1);
  const rows = worst.map(
    ({ op, name, sqnrDb, maxError, maxValue }) =>
      `${op.padEnd(width)}  ${name}  ${sqnrDb?.toFixed(1)} dB, off by ${maxError} of ${maxValue} at most`,
  );
  return [`${method} over ${over}; layers with the largest error:`, ...rows].join('\n');
}
