/** `tinyfleet demo rollback`: a version that went to all devices without a gate, and the way back. */
import { percent } from '../../output/format.js';
import type { Scenario, Stage } from './stage.js';

/** Of the new version, before a person would believe the figure. */
const LABELS_TO_BELIEVE = 200;

export const rollback: Scenario = {
  name: 'rollback',
  title: 'Demo: a release is rolled back',
  description: 'a rollback: a release without gates went to all, labels show it, one command undoes it',
  world: 'demo-releases.yaml',
  devices: 45,
  play,
};

async function play(stage: Stage): Promise<Record<string, unknown>> {
  const { client, project, scenario } = stage;
  const params = { project };
  await stage.makeProject();
  await stage.startFleet();
  const release = await stage.makeBadRelease();
  const { number } = await client.call('rolloutCreate', {
    params,
    body: { release, filter: 'tag = "demo"', seed: 'demo' },
  });
  stage.say(
    `Somebody is in a hurry: rollout ${number} takes ${release} to all devices at once, without gates.`,
  );
  stage.look('Rollout', `/rollouts/${number}`);
  const rolloutIs = async (state: string) => {
    const rollout = await client.call('rolloutGet', { params: { ...params, number } });
    return rollout.state === state ? rollout : undefined;
  };
  await stage.until('The rollout', 90, () => rolloutIs('succeeded'));
  stage.say(
    `All ${scenario.devices} run it, each after its own self-test. The rollout says succeeded, and it is: the bytes arrived.`,
  );
  const { before, after } = await stage.until('Labels of the new version', 90, async () => {
    const totals = await stage.accuracy();
    const of = (ref: string) => totals.find((total) => total.release === ref);
    const [old, bad] = [of('vibration@1.0.0'), of(release)];
    return old && bad && bad.labels >= LABELS_TO_BELIEVE ? { before: old, after: bad } : undefined;
  });
  const share = (accuracy: number) => percent(accuracy, 1);
  stage.say(
    `Labels come in: vibration@1.0.0 was right in ${share(before.accuracy)}, ${release} is in ${share(after.accuracy)} of ${after.labels}. It takes worn bearings for healthy machines.`,
  );
  stage.look('Accuracy by version', '/quality');
  const started = stage.elapsedSeconds;
  await client.call('rolloutRollback', {
    params: { ...params, number },
    body: { reason: 'Calls worn bearings normal.' },
  });
  stage.say('One command, or the button Roll back, brings all of them back:');
  stage.command('Roll back', `rollout rollback ${number} --yes`);
  const ended = await stage.until('The way back', 90, () => rolloutIs('rolled-back'));
  const back = await stage.until('The word of the devices', 30, async () => {
    const { byRelease } = await client.call('fleetSummary', { params });
    return byRelease['vibration@1.0.0'] === scenario.devices ? scenario.devices : undefined;
  });
  const tookSeconds = Math.round(10 * (stage.elapsedSeconds - started)) / 10;
  stage.say(
    `${back} of ${scenario.devices} run vibration@1.0.0 again after ${tookSeconds} s. Nothing was downloaded: the old model had stayed in the other slot.`,
  );
  stage.look('Who decided what, and when', `/rollouts/${number}`);
  stage.command('The same here', `rollout decisions ${number}`);
  return { rollout: number, state: ended.state, before: before.accuracy, after: after.accuracy, tookSeconds };
}
