// Real FFT in 16 bits: a complex transform of half the length over pairs of samples, then the split into the spectrum of
// the real signal. Same order of operations and roundings as KISS FFT with 16-bit integers (radix 4 stages, a last
// radix 2 one where the length asks for it; each stage divides by its radix first, so nothing overflows), which TFLite
// Micro's signal library uses: results are equal bit for bit. In place in the output; twiddles come from a quarter sine.
#include "dsp.h"

typedef struct {
  int32_t re;
  int32_t im;
} complex_t;

// From Q30 to Q15, to nearest, halves up. Products of int16 are multiples of 2^15 near 2^31, so x + 2^14 does not overflow.
static int32_t round15(int32_t x) { return (x + (1 << 14)) >> 15; }

// x / radix as KISS FFT does it: times 32767 / radix in Q15.
static int32_t divided(int32_t x, int32_t by) { return round15(x * by); }

// The products' sum may reach 2^31 at the corner; it is made modulo 2^32 as the reference's is.
static complex_t product(complex_t a, complex_t b) {
  const complex_t c = {
      (int16_t)round15((int32_t)((uint32_t)(a.re * b.re) - (uint32_t)(a.im * b.im))),
      (int16_t)round15((int32_t)((uint32_t)(a.re * b.im) + (uint32_t)(a.im * b.re))),
  };
  return c;
}

typedef struct {
  const uint8_t *sine; // quarter + 1 values
  uint32_t quarter;    // length / 4
} wave_t;

// sin(2 pi i / length), 0 <= i < 2 * length
static int32_t wave_at(const wave_t *w, uint32_t i) {
  const uint32_t q = w->quarter, at = i & (q - 1);
  switch (i / q & 3u) {
    case 0: return load_i16(w->sine + at * 2);
    case 1: return load_i16(w->sine + (q - at) * 2);
    case 2: return -load_i16(w->sine + at * 2);
    default: return -load_i16(w->sine + (q - at) * 2);
  }
}

// exp(-2 pi j i / length), i < length
static complex_t twiddle(const wave_t *w, uint32_t i) {
  const complex_t t = {wave_at(w, i + w->quarter), -wave_at(w, i)};
  return t;
}

static complex_t load(const int16_t *z, uint32_t i, int32_t by) {
  const complex_t c = {divided(z[2 * i], by), divided(z[2 * i + 1], by)};
  return c;
}

static void store(int16_t *z, uint32_t i, int32_t re, int32_t im) {
  z[2 * i] = (int16_t)re;
  z[2 * i + 1] = (int16_t)im;
}

// Four transforms of m points become one of 4m. `step` is the twiddle of the first frequency in units of length.
static void radix4(int16_t *z, uint32_t m, uint32_t step, const wave_t *w) {
  const int32_t by = 32767 / 4;
  for (uint32_t k = 0; k < m; k++) {
    const complex_t a = load(z, k, by);
    const complex_t b = product(load(z, k + m, by), twiddle(w, k * step));
    const complex_t c = product(load(z, k + 2 * m, by), twiddle(w, 2 * k * step));
    const complex_t d = product(load(z, k + 3 * m, by), twiddle(w, 3 * k * step));
    const complex_t minus = {a.re - c.re, a.im - c.im}, plus = {a.re + c.re, a.im + c.im};
    const complex_t sum = {b.re + d.re, b.im + d.im}, difference = {b.re - d.re, b.im - d.im};
    store(z, k, plus.re + sum.re, plus.im + sum.im);
    store(z, k + m, minus.re + difference.im, minus.im - difference.re);
    store(z, k + 2 * m, plus.re - sum.re, plus.im - sum.im);
    store(z, k + 3 * m, minus.re - difference.im, minus.im + difference.re);
  }
}

static void radix2(int16_t *z, uint32_t m, uint32_t step, const wave_t *w) {
  const int32_t by = 32767 / 2;
  for (uint32_t k = 0; k < m; k++) {
    const complex_t a = load(z, k, by), b = product(load(z, k + m, by), twiddle(w, k * step));
    store(z, k + m, a.re - b.re, a.im - b.im);
    store(z, k, a.re + b.re, a.im + b.im);
  }
}

// Where pair `i` of n goes: radix 4 first splits off the lowest two bits of the index, radix 2 the last one, so the
// digits come out reversed.
static uint32_t reversed(uint32_t i, uint32_t n) {
  uint32_t at = 0;
  while (n >= 4) {
    n /= 4;
    at += (i & 3u) * n;
    i >>= 2;
  }
  return n == 2 ? at + (i & 1u) : at;
}

static void complex_fft(int16_t *z, uint32_t n, const wave_t *w) {
  uint32_t m = 1, left = n;
  while (left >= 4) left /= 4;
  if (left == 2) {
    for (uint32_t at = 0; at < n; at += 2) radix2(z + 2 * at, 1, 0, w);
    m = 2;
  }
  for (; m < n; m *= 4)
    for (uint32_t at = 0; at < n; at += 4 * m) radix4(z + 2 * at, m, w->quarter / m, w); // length / (4 m)
}

// The spectrum of n pairs becomes that of 2n samples; bins k and n - k together.
static void split(int16_t *z, uint32_t n, const wave_t *w) {
  const int32_t by = 32767 / 2;
  const complex_t dc = load(z, 0, by);
  store(z, 0, dc.re + dc.im, 0);
  store(z, n, dc.re - dc.im, 0);
  for (uint32_t k = 1; k <= n / 2; k++) {
    const complex_t a = load(z, k, by);
    const complex_t b = {divided(z[2 * (n - k)], by), divided((int16_t)-z[2 * (n - k) + 1], by)};
    const complex_t even = {(int16_t)(a.re + b.re), (int16_t)(a.im + b.im)};
    const complex_t odd = {(int16_t)(a.re - b.re), (int16_t)(a.im - b.im)};
    const complex_t turn = twiddle(w, k + w->quarter); // exp(-j pi (k / n + 1/2))
    const complex_t t = product(odd, turn);
    store(z, k, (even.re + t.re) >> 1, (even.im + t.im) >> 1);
    store(z, n - k, (even.re - t.re) >> 1, (t.im - even.im) >> 1);
  }
}

int32_t fleet_check_stage_fft(const step_t *s) {
  const uint32_t length = param_u16(s, FLEET_STAGE_FFT_LENGTH), frame = param_u16(s, FLEET_STAGE_FFT_FRAME);
  if (length < 16 || length > 4096 || (length & (length - 1)) != 0 || frame == 0 || frame > length ||
      !fleet_is_tensor(operand(s, 0), FLEET_DTYPE_INT16, frame, 2) ||
      !fleet_is_const(operand(s, 1), FLEET_DTYPE_INT16, length / 4 + 1, 2) ||
      !fleet_is_tensor(output_operand(s, 0), FLEET_DTYPE_INT16, length + 2, 2) ||
      !fleet_is_tensor(output_operand(s, 1), FLEET_DTYPE_INT32, 1, 4))
    return -fleet_err_bundle_shape_invalid;
  return fleet_ok;
}

int32_t fleet_run_stage_fft(const step_t *s) {
  const uint32_t length = param_u16(s, FLEET_STAGE_FFT_LENGTH), frame = param_u16(s, FLEET_STAGE_FFT_FRAME), n = length / 2;
  const int16_t *in = input_i16(s, 0);
  const wave_t wave = {input_bytes(s, 1), length / 4};
  int16_t *z = output_i16(s, 0);
  int32_t low = 0, high = 0;
  for (uint32_t i = 0; i < frame; i++) {
    if (in[i] < low) low = in[i];
    if (in[i] > high) high = in[i];
  }
  // Block scaling: the largest magnitude gets 15 bits; -32768 has 16 and is not shifted.
  const uint32_t largest = (uint32_t)(-low > high ? -low : high);
  const uint32_t bits = fleet_bit_length(largest), shift = bits < 15 ? 15 - bits : 0;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t at = reversed(i, n);
    z[2 * at] = (int16_t)(2 * i < frame ? in[2 * i] * (INT32_C(1) << shift) : 0);
    z[2 * at + 1] = (int16_t)(2 * i + 1 < frame ? in[2 * i + 1] * (INT32_C(1) << shift) : 0);
  }
  complex_fft(z, n, &wave);
  split(z, n, &wave);
  *output_u32(s, 1) = shift;
  return fleet_ok;
}
