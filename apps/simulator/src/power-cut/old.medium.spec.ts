// scratch
import { it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { runSweep } from './sweep.js';
it('should', () => {
  const r = runSweep({firmware: readFileSync('/tmp/tf/old-agent.wasm'), units:[8], erased:[255], budget: 20000, maxFailures: 400});
  const by: Record<string, number> = {};
  for (const f of r.failures) { const k = f.problem.replace(/\(.*/,'') + ' | ' + f.what.replace(/\d+/g,'N'); by[k] = (by[k]??0)+1; }
  process.stdout.write(JSON.stringify(by,null,1)+r.cases+' '+r.failures.length+'\n');
}, 600000);
