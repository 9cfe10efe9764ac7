// Rollouts to ten thousand simulated devices over real sockets: how fast, how soon evidence becomes a decision on the wire,
// how exactly a rate cap is kept, and what is sent. `--speed`, `--decisions` and `--rate` choose sections, `--devices N` a fleet.
import { stdout } from 'node:process';
import { hasKeywordModel } from './rollout/models.mjs';
import { bar, printBars, table } from './report.mjs';

const SECTIONS = ['--speed', '--decisions', '--rate'];

export async function run(args = []) {
  const chosen = SECTIONS.filter((section) => args.includes(section));
  const wants = (section) => chosen.length === 0 || chosen.includes(section);
  const devices = args.includes('--devices') ? Number(args[args.indexOf('--devices') + 1]) : 10_000;
  const { startProduct } = await import('../libs/testing/dist/product.js');
  const product = await startProduct({ args: ['--no-demo'], timeoutMs: 180_000 });
  const bars = [];
  let fleet;
  try {
    if (hasKeywordModel()) {
      const { startFleet } = await import('./rollout/speed.mjs');
      fleet = await startFleet(product, devices);
      stdout.write(`${devices} devices connected in ${fleet.connectS.toFixed(1)} s\n\n`);
      if (wants('--speed')) bars.push(await speed(product, fleet));
    } else stdout.write('rollout.perMinute left out: the keyword model of shared/data is not here\n');
    if (wants('--decisions')) bars.push(await decisions(product));
    if (wants('--rate')) bars.push(await rate(product));
  } finally {
    await fleet?.stop();
    await product.stop();
  }
  printBars(bars);
  return { bars };
}

async function speed(product, fleet) {
  const { measureSpeed } = await import('./rollout/speed.mjs');
  const { full, delta } = await measureSpeed(product, fleet);
  const row = (name, of) => [name, of(full), of(delta)];
  table(
    [`rollout of kws to ${fleet.devices}`, 'whole', 'last layer tuned'],
    [
      row('until the last is active, s', ({ wallS }) => wallS.toFixed(1)),
      row('devices per minute', ({ perMinute }) => Math.round(perMinute)),
      row('chunk bytes per device', ({ bytesPerDevice }) => Math.round(bytesPerDevice)),
      row('MQTT messages /s', ({ messagesPerSecond }) => Math.round(messagesPerSecond)),
      row('product CPU per device, ms', ({ productCpuMs }) => productCpuMs.toFixed(1)),
      row('simulator CPU per device, ms', ({ simulatorCpuMs }) => simulatorCpuMs.toFixed(1)),
      row('product memory, MiB', ({ rssMib }) => rssMib),
      row('simulator memory, MiB', ({ simulatorRssMib }) => simulatorRssMib),
    ],
  );
  stdout.write('\n');
  const { perMinute: value } = full;
  return bar({ id: 'rollout.perMinute', value, bar: 10_000, better: 'higher', unit: 'devices/min' });
}

const at = (values, share) => [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1];

async function decisions(product) {
  const { measureDecisions } = await import('./rollout/probes.mjs');
  const { fromAck, fromSent } = await measureDecisions(product);
  const row = (name, times) => [name, ...[0.5, 0.99, 1].map((share) => at(times, share).toFixed(1))];
  table(
    [
      `${fromAck.length} decisions: ms until the first device of the next step is told`,
      'p50',
      'p99',
      'worst',
    ],
    [
      row('since the report was committed and acknowledged', fromAck),
      row('since the report was sent', fromSent),
    ],
  );
  stdout.write('\n');
  // The commit lies between the two: the later start would flatter.
  const value = at(fromSent, 0.99);
  return bar({ id: 'rollout.decisionP99', value, bar: 250, better: 'lower', unit: 'ms' });
}

async function rate(product) {
  const { measureRateCap } = await import('./rollout/probes.mjs');
  const perMinute = 900;
  const { offers, most, least } = await measureRateCap(product, { perMinute, minutes: 2.5 });
  const off = Math.max(most - perMinute, perMinute - least) / perMinute;
  table(
    [`cap of ${perMinute} devices a minute, ${offers} offers`, 'devices'],
    [
      ['fullest sliding minute', most],
      ['emptiest sliding minute', least],
    ],
  );
  stdout.write('\n');
  return bar({ id: 'rollout.rateCap', value: off, bar: 0.01, better: 'lower', unit: 'of the cap' });
}
