/** `tinyfleet demo bad-release`: gates stop a version that is sure of itself and wrong, before most devices have seen it. */
import type { Scenario, Stage } from './stage.js';
import { WINDOW_SECONDS } from './stage.js';

const STEP_PERCENT = 40;
const HOLD_BACK_PERCENT = 20;
const SOAK_SECONDS = 30;

export const badRelease: Scenario = {
  name: 'bad-release',
  title: 'Demo: a bad release is stopped by its gates',
  description: 'a bad release: its gates see it on two fifths of the fleet and take it back',
  world: 'demo-releases.yaml',
  devices: 60,
  play,
};

async function play(stage: Stage): Promise<Record<string, unknown>> {
  const { client, project } = stage;
  const params = { project };
  await stage.makeProject();
  await stage.startFleet();
  const release = await stage.makeBadRelease();
  stage.say(
    `${release} was trained on bearing recordings that somebody had filed as normal. It compiles, fits, is signed and passes its self-test: nothing shows on a desk.`,
  );
  stage.look('Release', `/releases/${release}`);
  await stage.until('The first labels', 40, async () =>
    (await stage.accuracy()).length > 0 ? true : undefined,
  );
  const { number } = await client.call('rolloutCreate', {
    params,
    body: {
      release,
      filter: 'tag = "demo"',
      seed: 'demo',
      steps: [{ percent: STEP_PERCENT, soakSeconds: SOAK_SECONDS, maxSoakSeconds: 600 }, 100],
      holdBackPercent: HOLD_BACK_PERCENT,
      gates: {
        gates: [{ kind: 'accuracy' }, { kind: 'confidence' }, { kind: 'silence' }],
        windowSeconds: WINDOW_SECONDS,
      },
      onFailure: 'rollback',
    },
  });
  stage.say(
    `Rollout ${number} offers it to ${STEP_PERCENT} % first. ${HOLD_BACK_PERCENT} % are held back to compare with. The next step begins when accuracy, confidence and silence have proved no worse; else all go back.`,
  );
  stage.look('Rollout', `/rollouts/${number}`);
  const told = new Set<string>();
  const tell = (text: string) => {
    if (!told.has(text)) stage.say(text);
    told.add(text);
  };
  let most = 0;
  const ended = await stage.until('The decision of the gates', 240, async () => {
    const rollout = await client.call('rolloutGet', { params: { ...params, number } });
    const { counts, gates, state } = rollout;
    const switched = (counts.soak ?? 0) + (counts.active ?? 0);
    most = Math.max(most, switched);
    if ((counts.active ?? 0) > 0)
      tell(
        'The first step has switched: devices fetched it, proved it to themselves and run it. Labels of what it says come in now.',
      );
    const accuracy = gates?.findings.find(({ metric, segment }) => metric === 'accuracy' && segment === null);
    if (accuracy && accuracy.difference !== null && accuracy.outcome === 'undecided')
      tell(
        'The accuracy gate looks at each device of the step beside those that were held back. It is not sure yet, and does not guess.',
      );
    if (state === 'rolling-back')
      tell('The gates have failed it. Devices go back to the model in their other slot, without a download.');
    return state === 'running' || state === 'rolling-back' ? undefined : rollout;
  });
  const finding = ended.gates?.findings.find(({ outcome }) => outcome === 'fail');
  stage.say(`Rollout ${number} is ${ended.state}. ${finding?.words ?? ended.reason}`);
  const summary = await client.call('fleetSummary', { params });
  const back = summary.byRelease['vibration@1.0.0'] ?? 0;
  stage.say(
    `${most} of ${stage.scenario.devices} devices had the bad version, the others never did; ${back} run vibration@1.0.0 again.`,
  );
  stage.look('Evidence and decisions', `/rollouts/${number}`);
  stage.look('Accuracy by version', '/quality');
  stage.command('The decisions in words', `rollout decisions ${number}`);
  return { rollout: number, state: ended.state, exposed: most, reason: finding?.words ?? ended.reason };
}
