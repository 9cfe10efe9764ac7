// What a user says about the front end, as plain JSON. Frames are sensor frames (one count per axis); what follows from
// the model and its input tensor is not asked for.

/** A statistic of one axis over a frame; units are the sensor's but for the three plain numbers. */
export type Statistic =
  'mean' | 'rms' | 'std' | 'min' | 'max' | 'range' | 'zero_crossings' | 'kurtosis' | 'crest' | 'mad';

interface Sampled {
  /** Frames that one feature row covers. */
  readonly frame: number;
  /** Frames from one row to the next; default frame. */
  readonly hop?: number;
  /** Least new rows from one inference to the next when the input holds several; default a quarter of them. */
  readonly newRows?: number;
}

interface Normalized {
  /** Per feature of a row, or one for all: the model's input is (feature - mean) / std. Default 0 and 1. */
  readonly mean?: number | readonly number[];
  readonly std?: number | readonly number[];
}

interface Counts {
  /** Sensor units per raw count, for a model trained in units. Default 1: features in counts. */
  readonly unitsPerCount?: number;
}

interface Spectrum {
  readonly sampleRate: number;
  readonly windowMs: number;
  readonly hopMs: number;
  readonly lowerHz: number;
  readonly upperHz: number;
  /** Least new rows from one inference to the next; default a quarter of the input's. */
  readonly newRows?: number;
}

/** TensorFlow Lite Micro's audio preprocessor, bit for bit: 40 log-mel bands after noise reduction and PCAN. */
export interface MicroSpeech extends Partial<Spectrum> {
  readonly kind: 'micro-speech';
  /** Bands, the width of a row. Default 40. */
  readonly channels?: number;
}

/** Orthonormal DCT-II of ln(magnitude) in mel bands; magnitudes in 1/64 counts, divided by the FFT's length. */
export interface Mfcc extends Spectrum, Normalized {
  readonly kind: 'mfcc';
  readonly bands: number;
  readonly coefficients: number;
}

export interface Statistics extends Sampled, Normalized, Counts {
  readonly kind: 'statistics';
  /** A row is axis by axis, and within an axis in the order above, whatever the order here. */
  readonly features: readonly Statistic[];
}

/** Root of the energy in bands of the windowed spectrum, axis by axis: counts (or units), divided by the FFT's length. */
export interface SpectralPower extends Sampled, Normalized, Counts {
  readonly kind: 'spectral-power';
  readonly sampleRate: number;
  /** Ascending, one more than bands. */
  readonly edgesHz: readonly number[];
  /** ln(1/256 counts and up) instead of the magnitude itself. */
  readonly logarithm?: boolean;
}

/** Raw counts as they are: (count * unitsPerCount - mean) / std per axis, quantized. */
export interface Scale extends Normalized, Counts {
  readonly kind: 'scale';
  /** Frames from one inference to the next; default all of them. */
  readonly hop?: number;
}

export type FrontEnd = MicroSpeech | Mfcc | Statistics | SpectralPower | Scale;
