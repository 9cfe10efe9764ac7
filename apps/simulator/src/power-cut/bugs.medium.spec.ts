// scratch
import { it } from '@jest/globals';
import { runSweep } from './sweep.js';
import { buildWith, PLANTED_BUGS } from '../../test/planted-bugs.js';
for (const bug of PLANTED_BUGS) it('should find: '+bug.name, async () => {
  const firmware = await buildWith(bug);
  const r = runSweep({firmware, units:[8], erased:[255], budget: 6000, maxFailures: 3});
  process.stdout.write(bug.name + ' ' + r.cases + ' cases ' + r.seconds + '\n' + r.failures.map(f=>`   ${f.scenario}: ${f.what}: ${f.problem}`).join('\n')+'\n');
}, 600000);
