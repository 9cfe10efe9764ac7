// Code, stack and RAM of the full profile on the cores it is for, then of the reduced one. Signature code is the port's choice: a row of its own.
import { stdout } from 'node:process';
import { cortexM } from '../../firmware-stubs/size.mjs';
import { bar, table } from '../report.mjs';
import { measureReduced } from './reduced.mjs';

const CORES = ['cortex-m3', 'cortex-m4', 'cortex-m33', 'cortex-m7'];

// Left out by a port that does not link them; optional.c then answers for them.
const OPTIONAL = {
  'commands (ask, hmac)': ['ask.c', 'hmac.c'],
  'inputs on request (samples)': ['samples.c'],
  'shadow runs': ['shadow.c'],
  sleepers: ['sleep.c'],
};
const STAND_INS = 'optional.c';
/** The factory's, not linked in the field. */
const FACTORY = 'provision.c';

const text = ({ objects }, names) =>
  names.reduce((sum, name) => sum + (objects[`agent/src/${name}`]?.text ?? 0), 0);
const everything = (sizes) => sizes.agent.text - text(sizes, [STAND_INS, FACTORY]);
const core = (sizes) => sizes.agent.text - text(sizes, [FACTORY, ...Object.values(OPTIONAL).flat()]);

export async function measureCode() {
  const sizes = [];
  for (const cpu of CORES) sizes.push(await cortexM(cpu));
  if (sizes.some((size) => size === null)) {
    stdout.write('left out: arm-none-eabi-gcc is not installed (npm run setup-test-deps)\n');
    return measureReduced();
  }
  const row = (name, of) => [name, ...sizes.map(of)];
  table(
    ['bytes, gcc -Os', ...CORES],
    [
      row('agent, everything: text + rodata', everything),
      row('agent without its optional parts', core),
      ...Object.entries(OPTIONAL).map(([name, files]) => row(`  ${name}`, (size) => text(size, files))),
      row('agent: writable data', ({ agent }) => agent.staticRam),
      row('agent: context, with MQTT buffers', ({ contexts }) => contexts.fleet_agent_t),
      row('agent: worst stack of a step', ({ worstStack }) => worstStack.fleet_agent_step),
      row('agent: worst stack of init', ({ worstStack }) => worstStack.fleet_agent_init),
      row('signature (Ed25519): text + rodata', ({ crypto }) => crypto.text),
      row('signature (Ed25519): worst stack', ({ worstStack }) => worstStack.fleet_ed25519_verify),
    ],
  );
  const m4 = sizes[CORES.indexOf('cortex-m4')];
  // Published: ROM 33 KiB, RAM 15 KiB, without signature, delta, compression and resume.
  stdout.write('mender-mcu as published: 33,792 B of ROM, 15,360 B of RAM\n');
  return [
    ...(await measureReduced()),
    bar({
      id: 'agent.code',
      value: everything(m4),
      bar: 24 * 1024,
      better: 'lower',
      unit: 'B on M4 at -Os, everything',
    }),
    bar({
      ...{ id: 'agent.codeCore', value: core(m4), bar: 24 * 1024, better: 'lower' },
      ...{ unit: 'B, SHA-256, SUIT/COSE, delta, decompression, telemetry', aim: true },
    }),
    bar({
      id: 'agent.ram',
      value: m4.contexts.fleet_agent_t,
      bar: 6 * 1024,
      better: 'lower',
      unit: 'B on M4',
    }),
  ];
}
