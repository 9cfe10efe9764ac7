// What others do: a share of failed devices, and nothing else. Both see what devices tell of their installation; so that
// they see more than in life, devices here also fail themselves when their mean confidence after the first hour is below
// a floor, which is how one would teach such a service about models.
//
// hawkBit-style: groups one after another; the next begins when 95 % of a group have finished; a group whose failed
// share reaches the threshold pauses the rollout. AWS-style: the same steps; the rollout is cancelled when at least
// 10 devices have ended and the failed share of all that have ended reaches the threshold; devices that do not end count.

export const HOURS_A_STEP = 3;
const LEAST_ENDED = 10;
/** Points below the fleet's usual confidence; Infinity: no such check. */
export const floors = [0.05, 0.07, 0.09, 0.11, 0.13, Infinity];
export const thresholds = Array.from({ length: 60 }, (_, i) => 0.01 * (i + 1));

/**
 * One rollout under every floor and threshold at once.
 * @returns {{ hawkbit: Int8Array, aws: Int8Array }} by floor x threshold: the step in which it stopped, -1 = not at all
 */
export function replayThresholds({ World }, { steps }, world) {
  const fleet = new World(world.options, world.effect, world.seed);
  const { devices, accuracy } = world.options;
  const order = Array.from({ length: devices }, (_, i) => i);
  for (let i = devices - 1; i > 0; i--) {
    const j = Math.floor(fleet.random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  const hawkbit = new Int8Array(floors.length * thresholds.length).fill(-1);
  const aws = hawkbit.slice();
  const failedOfAll = new Float64Array(floors.length);
  let ended = 0;
  let begin = 0;
  for (const [step, percent] of steps.entries()) {
    const end = Math.ceil((percent * devices) / 100);
    const failed = new Float64Array(floors.length);
    const timedOut = new Float64Array(floors.length);
    for (let i = begin; i < end; i++) {
      const device = order[i];
      const hour = step * HOURS_A_STEP;
      const installed = fleet.install(device, hour);
      const report = installed.end === 'active' ? fleet.report(device, hour + 1) : undefined;
      for (const [f, floor] of floors.entries()) {
        const isBad = report !== undefined && report.confidence < accuracy - floor;
        if (installed.end === 'failed' || isBad) failed[f] += 1;
        else if (installed.end === 'timed-out') timedOut[f] += 1;
      }
    }
    ended += end - begin;
    for (const f of floors.keys()) {
      failedOfAll[f] += failed[f] + timedOut[f];
      for (const [t, threshold] of thresholds.entries()) {
        const at = f * thresholds.length + t;
        if (hawkbit[at] < 0 && failed[f] / (end - begin) >= threshold) hawkbit[at] = step;
        if (aws[at] < 0 && ended >= LEAST_ENDED && failedOfAll[f] / ended >= threshold) aws[at] = step;
      }
    }
    begin = end;
  }
  return { hawkbit, aws };
}
