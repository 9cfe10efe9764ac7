// A small classifier for the bench: softmax regression on standardized features and random Fourier features, trained by
// mini-batches with Adam. What it is does not matter; that it is neither perfect nor calibrated does.
import { Random } from '../../libs/quality/dist/index.js';

export function trainModel(rows, labels, classes, seed, fourier = 64) {
  const random = new Random(seed);
  const d = rows[0].length;
  const mean = new Float64Array(d);
  const sd = new Float64Array(d);
  for (const row of rows) row.forEach((x, f) => (mean[f] += x / rows.length));
  for (const row of rows) row.forEach((x, f) => (sd[f] += (x - mean[f]) ** 2 / rows.length));
  for (let f = 0; f < d; f++) sd[f] = Math.max(1e-6, Math.sqrt(sd[f]));
  const directions = Array.from({ length: fourier }, () =>
    Float64Array.from({ length: d }, () => (random.normal() * 1.2) / Math.sqrt(d)),
  );
  const phases = Float64Array.from({ length: fourier }, () => 2 * Math.PI * random.uniform());
  const size = d + fourier + 1;
  const expand = (row) => {
    const x = new Float64Array(size);
    for (let f = 0; f < d; f++) x[f] = Math.max(-5, Math.min(5, (row[f] - mean[f]) / sd[f]));
    for (let k = 0; k < fourier; k++) {
      let sum = phases[k];
      for (let f = 0; f < d; f++) sum += directions[k][f] * x[f];
      x[d + k] = Math.cos(sum);
    }
    x[size - 1] = 1;
    return x;
  };
  const inputs = rows.map(expand);
  const weights = new Float64Array(classes * size);
  const [first, second, gradient] = [0, 0, 0].map(() => new Float64Array(classes * size));
  const probabilities = (x) => {
    const out = new Float64Array(classes);
    let most = -Infinity;
    for (let c = 0; c < classes; c++) {
      let sum = 0;
      for (let f = 0; f < size; f++) sum += weights[c * size + f] * x[f];
      out[c] = sum;
      most = Math.max(most, sum);
    }
    let total = 0;
    for (let c = 0; c < classes; c++) total += out[c] = Math.exp(out[c] - most);
    for (let c = 0; c < classes; c++) out[c] /= total;
    return out;
  };
  const batch = 32;
  const steps = Math.ceil((12 * rows.length) / batch);
  for (let step = 1; step <= steps; step++) {
    gradient.fill(0);
    for (let b = 0; b < batch; b++) {
      const i = Math.floor(random.uniform() * rows.length);
      const p = probabilities(inputs[i]);
      for (let c = 0; c < classes; c++) {
        const error = (p[c] - (labels[i] === c ? 1 : 0)) / batch;
        for (let f = 0; f < size; f++) gradient[c * size + f] += error * inputs[i][f];
      }
    }
    for (let w = 0; w < weights.length; w++) {
      const g = gradient[w] + 1e-4 * weights[w];
      first[w] = 0.9 * first[w] + 0.1 * g;
      second[w] = 0.999 * second[w] + 0.001 * g * g;
      weights[w] -=
        (0.01 * (first[w] / (1 - 0.9 ** step))) / (Math.sqrt(second[w] / (1 - 0.999 ** step)) + 1e-8);
    }
  }
  return (row) => {
    const p = probabilities(expand(row));
    let best = 0;
    for (let c = 1; c < classes; c++) if (p[c] > p[best]) best = c;
    return { predicted: best, confidence: p[best] };
  };
}
