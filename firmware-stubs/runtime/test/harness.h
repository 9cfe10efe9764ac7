// A machine for the tests: a loaded bundle whose arena and state lie between canaries, a seeded generator, checks.
#ifndef FLEET_TEST_HARNESS_H
#define FLEET_TEST_HARNESS_H

#include <stdint.h>

#include "assemble.h"

extern int failures;

void expect_at(int ok, const char *what, const char *file, int line);
#define expect(ok) expect_at((ok), #ok, __FILE__, __LINE__)
void expect_error_at(int32_t got, int32_t wanted, const char *file, int line);
#define expect_error(got, wanted) expect_error_at((got), -(wanted), __FILE__, __LINE__)

uint32_t rnd(void); // xorshift32, seeded by the test runner
uint32_t below(uint32_t n);
int32_t between(int32_t low, int32_t high);
void seed_random(uint32_t seed);
uint32_t odd_value(void); // a number at the edge of some range, or any

typedef struct {
  fleet_runtime_t rt;
  uint8_t *arena;
  uint8_t *state;
  uint32_t arena_bytes;
  uint32_t state_bytes;
  uint8_t *block;
  uint32_t block_bytes;
} machine_t;

// Memory for `arena_bytes` and `state_bytes` at most 1 MiB each, else fewer bytes than the bundle asks for.
int32_t start(machine_t *m, const bundle_t *bundle, uint32_t *failed_step);
int canaries_are_alive(const machine_t *m);
void stop(machine_t *m);

void test_integers(void);
void test_elements(uint32_t rounds);
void test_kernels(uint32_t rounds);
void test_load(uint32_t mutations);
void test_run(void);
void test_moves(void);

// A random valid bundle: kinds 0..7 have one step each (kernels.c), kind 8 has monitors and golden vectors (run.c).
bundle_t random_bundle(uint32_t kind);
bundle_t rich_bundle(void);
enum { bundle_kinds = 9 };

// Loads a bundle of any bytes and, when it loads, runs it, its self-test and its monitors inside canaries.
void exercise(const bundle_t *b);

#endif
