// Integer arithmetic of the runtime on a machine whose int has 16 bits: runs each function over the same pseudo-random inputs as the
// host's build of this file and prints a CRC-32 of the results. Kernels of int8 and int16 go with it, one layer each. On AVR the
// lines go to the UART of simavr, and constants lie in RAM (FLEET_CONST_MEMORY is empty), so that the general kernels compile.
#ifdef __AVR__
#include <avr/io.h>
#include <avr/sleep.h>
#else
#include <stdio.h>
#endif

#include "internal.h"

#ifdef __AVR__
static void put(char c) {
  while ((UCSR0A & 1 << UDRE0) == 0) {
  }
  UDR0 = (uint8_t)c;
}
#else
static void put(char c) { putchar(c); }
#endif

static void print(const char *name, uint32_t crc) {
  while (*name != 0) put(*name++);
  put(' ');
  for (int i = 28; i >= 0; i -= 4) put("0123456789abcdef"[crc >> i & 15]);
  put('\n');
}

static uint32_t seed;
static uint32_t next(void) { return fleet_xorshift32(&seed); }
static int32_t between(int32_t low, int32_t high) { return low + (int32_t)(next() % ((uint32_t)(high - low) + 1)); }

static uint32_t add(uint32_t crc, int32_t value) {
  uint8_t bytes[4];
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)((uint32_t)value >> 8 * i);
  return fleet_crc32(crc, bytes, 4);
}

enum { rounds = 400 };

// x is any number, a and b lie in the ranges given; drawn in this order.
#define OVER(name, a_low, a_high, b_low, b_high, expression)                                  \
  {                                                                                           \
    uint32_t crc = 0;                                                                         \
    seed = 77;                                                                                \
    for (uint16_t i = 0; i < rounds; i++) {                                                   \
      const int32_t x = (int32_t)next();                                                      \
      const int32_t a = between(a_low, a_high);                                               \
      const int32_t b = between(b_low, b_high);                                               \
      (void)x;                                                                                \
      (void)a;                                                                                \
      (void)b;                                                                                \
      crc = add(crc, (expression));                                                           \
    }                                                                                         \
    print(name, crc);                                                                         \
  }

static uint8_t table[514];

// A layer: operands at places of one record, the kernel's own parameters, input random, outputs hashed.
static _Alignas(8) uint8_t arena[160], constants[320], record[160];

static uint8_t *operand_at(uint8_t index, uint8_t space, uint8_t dtype, uint16_t offset, uint16_t bytes) {
  uint8_t *o = record + step_head_bytes + index * operand_bytes;
  memset(o, 0, operand_bytes);
  o[FLEET_OPERAND_SPACE] = space;
  o[FLEET_OPERAND_DTYPE] = dtype;
  o[FLEET_OPERAND_OFFSET] = (uint8_t)offset;
  o[FLEET_OPERAND_OFFSET + 1] = (uint8_t)(offset >> 8);
  o[FLEET_OPERAND_BYTES] = (uint8_t)bytes;
  o[FLEET_OPERAND_BYTES + 1] = (uint8_t)(bytes >> 8);
  return o + operand_bytes;
}

static void fill(void) {
  fleet_fill_random(&seed, arena, sizeof arena);
  fleet_fill_random(&seed, constants, sizeof constants);
  for (uint16_t i = 0; i < 8; i++) constants[128 + 4 * i + 3] &= 0x7f; // multipliers are not negative
  for (uint16_t i = 0; i < 8; i++) constants[160 + i] = (uint8_t)between(-12, 2);
}

static void store16(uint8_t *p, int16_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)((uint16_t)v >> 8);
}

// FULLY_CONNECTED of 16 to 6: weights at 0, bias at 96 (int32) or 192 (int64), multipliers at 128, shifts at 160.
static void dense(const char *name, uint8_t dtype) {
  const uint8_t width = dtype == FLEET_DTYPE_INT16 ? 2 : 1;
  uint32_t crc = 0;
  fleet_runtime_t rt;
  memset(&rt, 0, sizeof rt);
  rt.bundle = constants;
  rt.arena = arena;
  seed = 99;
  for (uint8_t round = 0; round < 12; round++) {
    fill();
    for (uint8_t i = 0; width == 2 && i < 6; i++) memset(constants + 192 + 8 * i + 5, constants[192 + 8 * i + 4] & 128 ? 255 : 0, 3);
    record[FLEET_STEP_INPUTS] = 5;
    record[FLEET_STEP_OUTPUTS] = 1;
    record[FLEET_STEP_SCRATCH] = 0;
    (void)operand_at(0, FLEET_SPACE_ARENA, dtype, 0, (uint16_t)(16 * width));
    (void)operand_at(1, FLEET_SPACE_CONST, FLEET_DTYPE_INT8, 0, 96);
    (void)operand_at(2, FLEET_SPACE_CONST, width == 2 ? FLEET_DTYPE_INT64 : FLEET_DTYPE_INT32, width == 2 ? 192 : 96, width == 2 ? 48 : 24);
    (void)operand_at(3, FLEET_SPACE_CONST, FLEET_DTYPE_INT32, 128, 24);
    (void)operand_at(4, FLEET_SPACE_CONST, FLEET_DTYPE_INT8, 160, 6);
    uint8_t *p = operand_at(5, FLEET_SPACE_ARENA, dtype, 64, (uint16_t)(6 * width));
    memset(p, 0, FLEET_FULLY_CONNECTED_PARAM_BYTES);
    p[FLEET_FULLY_CONNECTED_BATCHES] = 1;
    p[FLEET_FULLY_CONNECTED_IN_N] = 16;
    p[FLEET_FULLY_CONNECTED_OUT_N] = 6;
    if (width == 1) {
      store16(p + FLEET_FULLY_CONNECTED_INPUT_OFFSET, (int16_t)between(-127, 128));
      store16(p + FLEET_FULLY_CONNECTED_WEIGHTS_OFFSET, (int16_t)(round % 3 == 0 ? 17 : 0));
      store16(p + FLEET_FULLY_CONNECTED_OUTPUT_OFFSET, (int16_t)between(-128, 127));
    }
    store16(p + FLEET_FULLY_CONNECTED_ACTIVATION_MIN, width == 2 ? -32768 : -128);
    store16(p + FLEET_FULLY_CONNECTED_ACTIVATION_MAX, width == 2 ? 32767 : 127);
    p[FLEET_FULLY_CONNECTED_PER_CHANNEL] = 1;
    const step_t s = {&rt, record, p};
    (void)fleet_run_fully_connected(&s);
    crc = fleet_crc32(crc, arena + 64, (fleet_size_t)(6 * width));
  }
  print(name, crc);
}

static void softmax(const char *name, uint8_t out) {
  const uint8_t width = out == FLEET_DTYPE_INT16 ? 2 : 1;
  uint32_t crc = 0;
  fleet_runtime_t rt;
  memset(&rt, 0, sizeof rt);
  rt.bundle = constants;
  rt.arena = arena;
  seed = 5;
  for (uint8_t round = 0; round < 12; round++) {
    fill();
    record[FLEET_STEP_INPUTS] = 3;
    record[FLEET_STEP_OUTPUTS] = 1;
    record[FLEET_STEP_SCRATCH] = 0;
    (void)operand_at(0, FLEET_SPACE_ARENA, FLEET_DTYPE_INT8, 0, 20);
    (void)operand_at(1, FLEET_SPACE_NONE, 0, 0, 0);
    (void)operand_at(2, FLEET_SPACE_NONE, 0, 0, 0);
    uint8_t *p = operand_at(3, FLEET_SPACE_ARENA, out, 64, (uint16_t)(20 * width));
    memset(p, 0, FLEET_SOFTMAX_PARAM_BYTES);
    p[FLEET_SOFTMAX_ROWS] = 2;
    p[FLEET_SOFTMAX_DEPTH] = 10;
    p[FLEET_SOFTMAX_MULTIPLIER + 3] = (uint8_t)between(0x40, 0x7f);
    p[FLEET_SOFTMAX_SHIFT] = (uint8_t)between(18, 24);
    store16(p + FLEET_SOFTMAX_DIFF_MIN, -248);
    const step_t s = {&rt, record, p};
    (void)fleet_run_softmax(&s);
    crc = fleet_crc32(crc, arena + 64, (fleet_size_t)(20 * width));
  }
  print(name, crc);
}

int main(void) {
#ifdef __AVR__
  UBRR0 = 25;
  UCSR0B = 1 << TXEN0;
#endif
  const int32_t most = INT32_MAX - 1;
  OVER("requantize", 0, most, -31, 30, fleet_requantize(x, a, b))
  OVER("requantize64", 0, most, -31, 7, fleet_requantize64((int64_t)x * 32767, a, b))
  OVER("exp", 0, most, 0, 0, fleet_exp_q31(-a))
  OVER("reciprocal", 0, most, 0, 0, fleet_reciprocal_1_plus(a))
  OVER("logistic", 0, 0, 0, 0, fleet_logistic_q31(x / 2))
  OVER("tanh", 0, 0, 0, 0, fleet_tanh_q31(x / 2))
  for (uint16_t i = 0; i < 257; i++) store16(table + 2 * i, (int16_t)((int32_t)i * 127 - 32640));
  OVER("logistic16", 0, 32767, 0, 31, fleet_logistic_16(x >> 16, a, b, table))
  OVER("tanh16", 0, 32767, 0, 31, fleet_tanh_16(x >> 16, a, b, table))
  OVER("root", 0, 31, 0, 0, (int32_t)fleet_square_root((uint64_t)(uint32_t)x << a))
  OVER("bits", 0, 31, 0, 0, (int32_t)fleet_bit_length((uint32_t)x >> a))
  dense("dense8", FLEET_DTYPE_INT8);
  dense("dense16", FLEET_DTYPE_INT16);
  softmax("softmax8", FLEET_DTYPE_INT8);
  softmax("softmax16", FLEET_DTYPE_INT16);
  print("end", 0);
#ifdef __AVR__
  for (;;) sleep_mode();
#else
  return 0;
#endif
}
