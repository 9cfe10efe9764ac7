// scratch
import { it } from '@jest/globals';
import { runSweep } from './sweep.js';
it('should try', () => {
  const o = JSON.parse(process.env.SWEEP ?? '{}');
  const r = runSweep(o);
  process.stdout.write(JSON.stringify(r, null, 1) + `\n${(r.cases / r.seconds).toFixed(0)} cases/s\n`);
}, 600000);
