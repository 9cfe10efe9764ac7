// The cells of `npm run bench -- gate`: what is wrong with the new version, and what of it can be seen.

const same = { accuracy: 0, showsInConfidence: true, onlyType: null, deathsPerDay: 0 };
const losses = [
  ['-2 points', { accuracy: -0.02 }],
  ['-5 points', { accuracy: -0.05 }],
  ['-10 points', { accuracy: -0.1 }],
  ['-10 on one type', { accuracy: -0.1, onlyType: 'beta' }],
];
const worlds = [
  { id: 'a', title: '(a) visible in confidence', showsInConfidence: true, labelsPerDay: 0, good: true },
  {
    id: 'b',
    title: '(b) confidently wrong, 5 labels per device and day',
    showsInConfidence: false,
    labelsPerDay: 5,
    good: true,
  },
  {
    id: 'c',
    title: '(c) confidently wrong, no labels',
    showsInConfidence: false,
    labelsPerDay: 0,
    good: false,
  },
];

/** @type {{ id: string, title: string, version: string, effect: object, labelsPerDay: number, isGood: boolean }[]} */
export const cells = [
  ...worlds.flatMap(({ id, title, showsInConfidence, labelsPerDay, good }) =>
    [...(good ? [['good', {}]] : []), ...losses].map(([version, effect]) => ({
      id: `${id}:${version}`,
      title,
      version,
      effect: { ...same, showsInConfidence, ...effect },
      labelsPerDay,
      isGood: version === 'good',
    })),
  ),
  // Nothing but silence shows it, with labels or without.
  {
    id: 'silence:slow death',
    title: 'seen in silence alone',
    version: 'slow death',
    effect: { ...same, deathsPerDay: 0.3 },
    labelsPerDay: 0,
    isGood: false,
  },
];

const kinds = [
  ...['install-success', 'install-failure', 'install-timeout', 'self-test', 'silence'],
  ...['confidence', 'ood', 'latency', 'resets', 'accuracy'],
];

/** One policy for all cells, its margins the defaults. */
export const policy = {
  gates: {
    gates: kinds.map((kind) => ({ kind })),
    alpha: 0.05,
    power: 0.95,
    windowSeconds: 300,
    warmUpSeconds: 0,
  },
  steps: [1, 5, 20, 100],
  controlPercent: 5,
  minSoakHours: 24,
  maxSoakHours: 240,
  controlSample: 200,
};
