// Every shared model: compiled, with what it needs, or refused, with the reasons.
import { stdout } from 'node:process';
import { compile } from '@tinyfleet/compiler';
import { isFleetError } from '@tinyfleet/errors';
import { bar, table } from '../report.mjs';
import { modelPaths, readSource, ROOMY } from './sources.mjs';

const AIM_SECONDS = 2;

export async function measureFiles(data) {
  const rows = [];
  const refused = [];
  const bars = [];
  let accounted = 0;
  const paths = modelPaths(data);
  for (const { name, path } of paths) {
    const started = performance.now();
    try {
      const { report } = await compile(readSource(path), { deviceType: ROOMY });
      const seconds = (performance.now() - started) / 1000;
      rows.push([
        name,
        report.bundleBytes,
        report.arenaBytes,
        report.stateBytes,
        report.macs,
        report.ops.length,
        seconds.toFixed(2),
      ]);
      accounted++;
      if (name.startsWith('mlperf_tiny/')) {
        const id = `models.seconds.${name.replace(/^.*\/|\.[a-z]+$/g, '')}`;
        bars.push(bar({ id, value: seconds, bar: AIM_SECONDS, better: 'lower', unit: 's', aim: true }));
      }
    } catch (error) {
      if (isFleetError(error)) accounted++;
      refused.push([name, error]);
    }
  }
  table(['compiled', 'bundle B', 'arena B', 'state B', 'MACs', 'steps', 's'], rows);
  for (const [name, error] of refused) {
    stdout.write(`\nrefused: ${name}\n`);
    if (!isFleetError(error)) {
      stdout.write(`  NOT A REGISTERED ERROR: ${error.stack}\n`);
      continue;
    }
    stdout.write(`  ${error.message}\n`);
    for (const hint of hints(error)) stdout.write(`  - ${hint}\n`);
  }
  bars.push(
    bar({
      id: 'models.accounted',
      value: accounted / paths.length,
      bar: 1,
      better: 'higher',
      unit: 'of the files compiled or refused with reasons',
    }),
  );
  return bars;
}

/** Each hint once: a model names the same op many times. */
function hints(error) {
  const given = (error.data.diagnostics ?? []).map(({ hint }) => hint);
  return new Set(given.length > 0 ? given : [error.hint]);
}
