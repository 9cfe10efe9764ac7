// See harness.h.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { canary_bytes = 64, most_bytes = 1 << 20 };

int failures;
static uint32_t random_state = 1;

void expect_at(int ok, const char *what, const char *file, int line) {
  if (ok) return;
  failures++;
  printf("FAIL %s:%d: %s\n", file, line, what);
}

void expect_error_at(int32_t got, int32_t wanted, const char *file, int line) {
  if (got == wanted) return;
  failures++;
  printf("FAIL %s:%d: got %d, wanted %d\n", file, line, (int)got, (int)wanted);
}

void seed_random(uint32_t seed) { random_state = seed != 0 ? seed : 1; }
uint32_t rnd(void) { return fleet_xorshift32(&random_state); }
uint32_t below(uint32_t n) { return (uint32_t)(((uint64_t)rnd() * n) >> 32); }
int32_t between(int32_t low, int32_t high) { return low + (int32_t)below((uint32_t)(high - low) + 1u); }

int32_t start(machine_t *m, const bundle_t *bundle, uint32_t *failed_step) {
  uint32_t arena_bytes = 0, state_bytes = 0;
  memset(m, 0, sizeof *m);
  if (bundle->size >= FLEET_HEADER_RECORD_BYTES) {
    const uint8_t *h = bundle->bytes;
    arena_bytes = (uint32_t)h[FLEET_HEADER_ARENA_BYTES] | (uint32_t)h[FLEET_HEADER_ARENA_BYTES + 1] << 8 | (uint32_t)h[FLEET_HEADER_ARENA_BYTES + 2] << 16;
    state_bytes = (uint32_t)h[FLEET_HEADER_STATE_BYTES] | (uint32_t)h[FLEET_HEADER_STATE_BYTES + 1] << 8;
  }
  m->arena_bytes = arena_bytes > most_bytes ? most_bytes : arena_bytes;
  m->state_bytes = state_bytes;
  m->block_bytes = (uint32_t)(3 * canary_bytes) + ((m->arena_bytes + 15u) & ~15u) + ((m->state_bytes + 15u) & ~15u);
  m->block = aligned_alloc(16, (m->block_bytes + 15u) & ~15u);
  if (m->block == NULL) abort();
  memset(m->block, 0xa5, m->block_bytes);
  m->arena = m->block + canary_bytes;
  m->state = m->arena + ((m->arena_bytes + 15u) & ~15u) + canary_bytes;
  const fleet_memory_t memory = {bundle->bytes, bundle->size, m->arena, m->arena_bytes, m->state, m->state_bytes};
  return fleet_load(&m->rt, &memory, failed_step);
}

int canaries_are_alive(const machine_t *m) {
  const uint8_t *ends[3] = {m->block, m->arena + ((m->arena_bytes + 15u) & ~15u), m->state + ((m->state_bytes + 15u) & ~15u)};
  for (int i = 0; i < 3; i++)
    for (int b = 0; b < canary_bytes; b++)
      if (ends[i][b] != 0xa5) return 0;
  for (uint32_t b = m->arena_bytes; b % 16 != 0; b++)
    if (m->arena[b] != 0xa5) return 0;
  return 1;
}

void stop(machine_t *m) { free(m->block); }
