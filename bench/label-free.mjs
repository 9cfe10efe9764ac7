// Accuracy without labels on streams that drift, and with twenty labels a chunk; and that it does answer where nothing has
// changed. Everything goes through the histograms that a device sends (docs/design/quality.md).
// `npm run bench -- label-free [re-splits]`
import { stdout } from 'node:process';
import {
  calibrationMap,
  cbpeOfHistogram,
  estimateAccuracy,
  LabelTrickle,
  Random,
} from '../libs/quality/dist/index.js';
import { electricity, gas } from './label-free/data.mjs';
import { trainModel } from './label-free/model.mjs';
import { bar, printBars, table } from './report.mjs';

const BINS = 8;
const FEATURE_BINS = 16;
const LABELS = 20;
/** Of models and of which labels are asked for. */
const SEEDS = [11, 12, 13, 14, 15, 16];
/** An interval with labels that is wider is no answer. */
const WIDEST = 0.25;
/** Chunks of the undrifted re-split. */
const N = 1_000;

/** @param {readonly string[]} args */
export async function run([resplits = 5]) {
  const streams = [electricity(), gas()];
  const drifting = streams.map((stream) => ({
    stream,
    chunks: SEEDS.flatMap((seed) => play(stream, stream.chunk, seed)),
  }));
  const still = streams.map((stream) => ({
    stream,
    chunks: Array.from({ length: Number(resplits) }, (_, i) =>
      play(shuffled(stream, 100 + i), N, 10 + i),
    ).flat(),
  }));

  stdout.write(
    `Streams in the order of time, trained on the first part, ${SEEDS.length} models each; 20 labels: intervals of 90 %\n`,
  );
  table(
    [
      'stream',
      'chunks',
      'accuracy then',
      'now',
      'answered',
      'MAE',
      'CBPE',
      'nothing changed',
      'covers',
      'abstains where > .10',
      '20 labels: answers',
      'covers',
      'width',
    ],
    drifting.map(({ stream, chunks }) => row(stream, chunks)),
  );
  stdout.write(`\nThe same rows shuffled, ${resplits} times, chunks of ${N}: nothing has changed\n`);
  table(
    ['stream', 'chunks', 'answered', 'MAE', 'covers', 'mean width'],
    still.map(({ stream, chunks }) => {
      const answered = chunks.filter(({ estimate }) => !estimate.abstains);
      return [
        stream.name,
        chunks.length,
        share(answered.length, chunks.length),
        mean(answered.map(({ estimate, accuracy }) => Math.abs(estimate.value - accuracy))).toFixed(4),
        share(answered.filter(covers).length, answered.length),
        mean(answered.map(({ estimate }) => estimate.high - estimate.low)).toFixed(3),
      ];
    }),
  );
  stdout.write('\n');

  const all = drifting.flatMap(({ chunks }) => chunks);
  const answered = all.filter(({ estimate }) => !estimate.abstains);
  const large = all.filter(({ estimate, accuracy }) => Math.abs(estimate.value - accuracy) > 0.1);
  const calm = still.flatMap(({ chunks }) => chunks);
  const calmAnswered = calm.filter(({ estimate }) => !estimate.abstains);
  const worst = (of) => Math.max(...drifting.map(({ chunks }) => of(chunks)));
  const least = (of) => Math.min(...drifting.map(({ chunks }) => of(chunks)));
  const excess = worst((chunks) => {
    const spoken = chunks.filter(({ estimate }) => !estimate.abstains);
    return spoken.length === 0 ? 0 : mean(spoken.map(ownError)) - mean(spoken.map(nothingError));
  });
  const labelled = (chunks) => chunks.filter(({ labelled: one }) => one.high - one.low <= WIDEST);
  const bars = [
    bar({
      id: 'label-free.excess',
      value: Math.max(0, excess),
      bar: 0.01,
      better: 'lower',
      unit: 'MAE above "nothing changed", where answered',
    }),
    bar({
      id: 'label-free.coverage',
      value:
        [...answered, ...calmAnswered].filter(covers).length /
        Math.max(1, answered.length + calmAnswered.length),
      bar: 0.9,
      better: 'higher',
      unit: 'of answered chunks, both kinds',
      aim: true,
    }),
    bar({
      id: 'label-free.abstain-still',
      value: 1 - calmAnswered.length / calm.length,
      bar: 0.1,
      better: 'lower',
      unit: 'of undrifted chunks',
    }),
    bar({
      id: 'label-free.width-still',
      value: mean(calmAnswered.map(({ estimate }) => estimate.high - estimate.low)),
      bar: 0.1,
      better: 'lower',
      unit: `mean width at n = ${N}`,
    }),
    bar({
      id: 'label-free.abstain-wrong',
      value: large.length === 0 ? 1 : large.filter(({ estimate }) => estimate.abstains).length / large.length,
      bar: 0.8,
      better: 'higher',
      unit: 'of chunks it would miss by > .10',
    }),
    bar({
      id: 'label-free.labelled-answers',
      value: least((chunks) => labelled(chunks).length / chunks.length),
      bar: 0.8,
      better: 'higher',
      unit: 'of chunks with 20 labels, no interval above .25',
    }),
    bar({
      id: 'label-free.labelled-coverage',
      value: least(
        (chunks) => labelled(chunks).filter(coversLabelled).length / Math.max(1, labelled(chunks).length),
      ),
      bar: 0.9,
      better: 'higher',
      unit: 'of these',
    }),
    bar({
      id: 'label-free.labelled-width',
      value: worst((chunks) => mean(labelled(chunks).map(({ labelled: one }) => one.high - one.low))),
      bar: 0.25,
      better: 'lower',
      unit: 'mean',
    }),
  ];
  printBars(bars);
  return { bars };
}

function row(stream, chunks) {
  const answered = chunks.filter(({ estimate }) => !estimate.abstains);
  const large = chunks.filter(({ estimate, accuracy }) => Math.abs(estimate.value - accuracy) > 0.1);
  const labelled = chunks.filter(({ labelled: one }) => one.high - one.low <= WIDEST);
  return [
    stream.name,
    chunks.length,
    chunks[0].before.toFixed(3),
    mean(chunks.map(({ accuracy }) => accuracy)).toFixed(3),
    share(answered.length, chunks.length),
    answered.length > 0 ? mean(answered.map(ownError)).toFixed(3) : '-',
    mean(chunks.map(({ cbpe, accuracy }) => Math.abs(cbpe - accuracy))).toFixed(3),
    mean(chunks.map(nothingError)).toFixed(3),
    answered.length > 0 ? share(answered.filter(covers).length, answered.length) : '-',
    `${large.filter(({ estimate }) => estimate.abstains).length} of ${large.length}`,
    share(labelled.length, chunks.length),
    share(labelled.filter(coversLabelled).length, labelled.length),
    mean(labelled.map(({ labelled: one }) => one.high - one.low)).toFixed(3),
  ];
}

/** Trains, validates and runs the rest in chunks of which histograms and twenty labels are left. */
function play({ rows, labels, classes, monitored, train, validate }, size, seed) {
  const random = new Random(seed);
  const model = trainModel(rows.slice(0, train), labels.slice(0, train), classes, seed);
  const edges = monitored.map((f) => quantiles(rows.slice(train, train + validate).map((one) => one[f])));
  const total = new Float64Array(classes * BINS);
  const correct = new Float64Array(classes * BINS);
  const features = monitored.map(() => ({
    total: new Float64Array(FEATURE_BINS),
    correct: new Float64Array(FEATURE_BINS),
  }));
  for (let i = train; i < train + validate; i++) {
    const { predicted, confidence } = model(rows[i]);
    const isRight = Number(predicted === labels[i]);
    total[cellOf(predicted, confidence)]++;
    correct[cellOf(predicted, confidence)] += isRight;
    monitored.forEach((f, at) => {
      const bin = binOf(edges[at], rows[i][f]);
      features[at].total[bin]++;
      features[at].correct[bin] += isRight;
    });
  }
  const map = calibrationMap({ classes, bins: BINS, total, correct });
  const references = features.map((one, at) => ({ name: `feature ${monitored[at]}`, ...one }));
  const trickle = new LabelTrickle(map.accuracy);
  const chunks = [];
  for (let start = train + validate; start + size <= rows.length; start += size) {
    const window = {
      classes: new Float64Array(classes * BINS),
      features: monitored.map(() => new Float64Array(FEATURE_BINS)),
    };
    const seen = [];
    let right = 0;
    for (let i = start; i < start + size; i++) {
      const { predicted, confidence } = model(rows[i]);
      const cell = cellOf(predicted, confidence);
      window.classes[cell]++;
      monitored.forEach((f, at) => window.features[at][binOf(edges[at], rows[i][f])]++);
      const isRight = predicted === labels[i];
      right += Number(isRight);
      seen.push({ correct: isRight, chance: map.chance[cell], stratum: predicted, confidence });
    }
    const estimate = estimateAccuracy(map, references, window);
    // Asked for in proportion to what was predicted: every 50th in order of class and confidence, from a random start.
    seen.sort((a, b) => a.stratum - b.stratum || a.confidence - b.confidence);
    const from = random.uniform();
    const some = Array.from({ length: LABELS }, (_, i) => seen[Math.floor(((i + from) * size) / LABELS)]);
    chunks.push({
      accuracy: right / size,
      before: map.accuracy,
      estimate,
      cbpe: cbpeOfHistogram(map, window.classes),
      labelled: trickle.add({ estimate: estimate.value, n: size, labels: some }),
    });
  }
  return chunks;
}

function shuffled(stream, seed) {
  const random = new Random(seed);
  const order = stream.rows.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return { ...stream, rows: order.map((i) => stream.rows[i]), labels: order.map((i) => stream.labels[i]) };
}

const cellOf = (predicted, confidence) =>
  predicted * BINS + Math.min(BINS - 1, Math.floor(confidence * BINS));
const binOf = (edges, x) => {
  let bin = 0;
  while (bin < edges.length && x >= edges[bin]) bin++;
  return bin;
};
function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return Array.from(
    { length: FEATURE_BINS - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / FEATURE_BINS)],
  );
}

const covers = ({ estimate, accuracy }) => accuracy >= estimate.low && accuracy <= estimate.high;
const coversLabelled = ({ labelled, accuracy }) => accuracy >= labelled.low && accuracy <= labelled.high;
const ownError = ({ estimate, accuracy }) => Math.abs(estimate.value - accuracy);
const nothingError = ({ before, accuracy }) => Math.abs(before - accuracy);
const mean = (values) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
const share = (part, whole) => `${((100 * part) / Math.max(1, whole)).toFixed(0)} %`;
