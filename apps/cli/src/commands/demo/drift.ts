/** `tinyfleet demo drift`: one sensor of a fleet goes wrong, and the watch says which, what moved and since when. */
import type { Scenario, Stage } from './stage.js';
import { WINDOW_SECONDS } from './stage.js';

/** Whose sensor goes wrong in the scenario's file. */
const DEVICE = 'hall-b-03';
/** The past that is healthy. */
const HISTORY_MINUTES = 15;
/** Windows of each device that have to have come before the past is declared healthy. */
const HISTORY_WINDOWS = (HISTORY_MINUTES * 60) / WINDOW_SECONDS - 6;

export const drift: Scenario = {
  name: 'drift',
  title: 'Demo: drift is found',
  description: 'drift: one sensor comes loose, no label tells, and an alert does',
  world: 'demo-drift.yaml',
  devices: 24,
  play,
};

async function play(stage: Stage): Promise<Record<string, unknown>> {
  const { client, project } = stage;
  const params = { project };
  await stage.makeProject();
  const settings = await client.call('qualitySettingsGet', { params });
  const { budget } = settings;
  await client.call('qualitySettingsPut', {
    params,
    body: { ...settings, roundSeconds: WINDOW_SECONDS, settleSeconds: 3, watermarkRounds: 1 },
  });
  const to = new Date();
  await stage.startFleet(HISTORY_MINUTES / 60);
  const live = stage.elapsedSeconds;
  stage.say(
    `They bring a quarter of an hour of telemetry, made by the same firmware. It was a good one: it is declared healthy. Budget: ${budget}.`,
  );
  await stage.until('The telemetry of the past', 60, async () => {
    const { windowsLastHour } = await client.call('fleetSummary', { params });
    return windowsLastHour >= HISTORY_WINDOWS * stage.scenario.devices ? true : undefined;
  });
  const from = new Date(to.getTime() - (HISTORY_MINUTES - 1) * 60_000);
  await client.call('qualityBaselineDeclare', {
    params,
    body: { from: from.toISOString(), to: to.toISOString(), note: 'Before the drift' },
  });
  const watch = await stage.until('The watch', 60, async () => {
    const { items } = await client.call('qualityWatchList', { params });
    return items.find(({ state }) => state === 'watching');
  });
  stage.say(
    `${watch.streamCount} streams of ${watch.devices} devices, their halls and their version are watched, judged against ${watch.judgedAgainst}.`,
  );
  stage.look('Drift', '/quality/drift');
  stage.say(
    `Ten seconds after going live the accelerometer of ${DEVICE} came loose: it reads a whole g too much. No label will tell.`,
  );
  const told = new Set<number>();
  const alert = await stage.until('The alert', 150, async () => {
    const { items } = await client.call('alertList', { params, query: { kind: 'drift' } });
    for (const { number, title } of items.filter((one) => !told.has(one.number))) {
      stage.say(`Alert ${number}: ${title}.`);
      told.add(number);
    }
    return items.find(({ subject }) => subject === `device=${DEVICE}`);
  });
  const detail = await client.call('alertGet', { params: { ...params, alert: alert.number } });
  const foundSeconds = Math.round(stage.elapsedSeconds - live);
  stage.say(`Found ${foundSeconds} s after going live. What it rests on:`);
  for (const statement of detail.evidence.statements) stage.say(statement);
  stage.look('Alert, with what moved', `/alerts/${alert.number}`);
  stage.look('Drift matrix', '/quality/drift');
  stage.command('The same here', `alert show ${alert.number}`);
  return { alert: alert.number, subject: alert.subject, verdict: alert.verdict, foundSeconds };
}
