/**
 * Estimates of devices, shrunk to their group: at 200 predictions the error of a device's own estimate is mostly sampling noise.
 *
 * Random effects (DerSimonian and Laird 1986; Morris 1983, "Parametric empirical Bayes inference", JASA 78): with variances v_i and
 * the variance `between` among devices,
 *   group = sum w_i x_i / sum w_i,  w_i = 1 / (between + v_i);   own_i = group + between / (between + v_i) (x_i - group).
 */
export interface DeviceEstimate {
  readonly value: number;
  readonly variance: number;
}

export interface PooledEstimates {
  readonly value: number;
  /** Of the group's mean. */
  readonly variance: number;
  readonly between: number;
  readonly devices: readonly DeviceEstimate[];
}

export function poolEstimates(estimates: readonly DeviceEstimate[]): PooledEstimates {
  const fixed = estimates.map(({ variance }) => 1 / Math.max(variance, 1e-12));
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const weight = sum(fixed);
  const mean = sum(estimates.map(({ value }, i) => value * fixed[i]!)) / weight;
  const q = sum(estimates.map(({ value }, i) => fixed[i]! * (value - mean) ** 2));
  const scale = weight - sum(fixed.map((w) => w * w)) / weight;
  const between = scale > 0 ? Math.max(0, (q - (estimates.length - 1)) / scale) : 0;
  const weights = estimates.map(({ variance }) => 1 / Math.max(between + variance, 1e-12));
  const value = sum(estimates.map((one, i) => one.value * weights[i]!)) / sum(weights);
  return {
    value,
    variance: 1 / sum(weights),
    between,
    devices: estimates.map((one) => {
      const own = between + one.variance > 0 ? between / (between + one.variance) : 0;
      return {
        value: value + own * (one.value - value),
        variance: own * one.variance + (1 - own) ** 2 / sum(weights),
      };
    }),
  };
}
