// Ingest through the database against the same hook without it, and one rollout to 1,000 simulated devices.
import { stdout } from 'node:process';
import { measureHook } from './fleet/hook.mjs';
import { measureRollout } from './fleet/rollout.mjs';
import { bar, printBars, table } from './report.mjs';

export async function run(args = []) {
  const bars = [];
  if (!args.includes('--wall-only')) {
    const hook = await measureHook();
    table(
      ['ingest, 1,000 connections x 10 in flight', 'hook only /s', 'committed /s', 'ratio'],
      hook.rounds.map(({ hook: alone, stored, ratio }, i) => [
        `round ${i + 1}`,
        Math.round(alone),
        Math.round(stored),
        ratio.toFixed(2),
      ]),
    );
    stdout.write(
      `${hook.rows} messages of ${hook.bytes} bytes acknowledged, as many stored; edge RSS ${Math.round(hook.rssBytes / 2 ** 20)} MiB\n\n`,
    );
    bars.push(bar({ id: 'fleet.hook', value: hook.ratio, bar: 0.5, better: 'higher', unit: 'x' }));
  }
  if (!args.includes('--hook-only')) {
    const rollout = await measureRollout();
    if (rollout === undefined)
      stdout.write('fleet.wall left out: the keyword model of shared/data is not here\n');
    else {
      table(
        ['rollout of kws', 'value'],
        [
          ['devices', rollout.devices],
          ['all connected, s', rollout.connectS.toFixed(1)],
          ['all verified active, s', rollout.wallS.toFixed(1)],
          ['messages /s', Math.round(rollout.messagesPerSecond)],
          ['chunks sent, MiB', rollout.chunkMib.toFixed(1)],
          ['product RSS, MiB', rollout.rssMib],
          ['simulator RSS, MiB', rollout.simulatorRssMib],
        ],
      );
      bars.push(bar({ id: 'fleet.wall', value: rollout.wallS, bar: 60, better: 'lower', unit: 's' }));
    }
  }
  printBars(bars);
  return { bars };
}
