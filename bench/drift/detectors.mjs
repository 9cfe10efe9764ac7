// The presets that `npm run bench -- drift` measures.
import {
  Adwin,
  BernoulliCusum,
  Cusum,
  Ddm,
  Eddm,
  Ewma,
  HddmA,
  HddmW,
  Kswin,
  PageHinkley,
} from '../../libs/quality/dist/index.js';

const ARL0 = 100_000;
const reference = { mean: 0, sd: 1 };

/** Alarms by chance, once in ARL0 observations, whatever it sees. */
function dummy() {
  let state = 1;
  return {
    update: () =>
      (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) < 2 ** 32 / ARL0 ? 'drift' : 'none',
  };
}

/** `designed` = which of the delays it is made for; `cost` = observations to measure it with. */
export const normals = [
  { name: 'CUSUM for .5 sd', arl0: ARL0, designed: 0, make: () => new Cusum({ reference, shift: 0.5 }) },
  { name: 'CUSUM for 1 sd', arl0: ARL0, designed: 1, make: () => new Cusum({ reference, shift: 1 }) },
  { name: 'CUSUM for 2 sd', arl0: ARL0, designed: 2, make: () => new Cusum({ reference, shift: 2 }) },
  { name: 'EWMA .05', arl0: ARL0, make: () => new Ewma({ reference, lambda: 0.05 }) },
  { name: 'EWMA .13', arl0: ARL0, make: () => new Ewma({ reference, lambda: 0.13 }) },
  { name: 'EWMA .4', arl0: ARL0, make: () => new Ewma({ reference, lambda: 0.4 }) },
  { name: 'CUSUM, reference of 30', learns: true, make: () => new Cusum() },
  { name: 'Page-Hinkley', learns: true, make: () => new PageHinkley() },
  { name: 'ADWIN', learns: true, make: () => new Adwin() },
  { name: 'KSWIN .005', learns: true, cost: 200_000, make: () => new Kswin() },
  { name: 'dummy', arl0: ARL0, isDummy: true, make: dummy },
];

export const bits = [
  { name: 'Bernoulli CUSUM to 15', arl0: ARL0, make: () => new BernoulliCusum({ p0: 0.1, p1: 0.15 }) },
  { name: 'Bernoulli CUSUM to 20', arl0: ARL0, make: () => new BernoulliCusum({ p0: 0.1, p1: 0.2 }) },
  { name: 'Bernoulli CUSUM to 30', arl0: ARL0, make: () => new BernoulliCusum({ p0: 0.1, p1: 0.3 }) },
  { name: 'DDM', learns: true, make: () => new Ddm() },
  { name: 'EDDM .8/.75', learns: true, make: () => new Eddm({ alpha: 0.8, beta: 0.75 }) },
  { name: 'HDDM-A', learns: true, make: () => new HddmA() },
  { name: 'HDDM-W', learns: true, make: () => new HddmW() },
];
