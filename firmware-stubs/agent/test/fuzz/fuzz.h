// What the fuzz targets share: the fuzzer's bytes as a stream of choices, and the world with an agent inside at three stages of
// its life. Built with clang -fsanitize=fuzzer,address,undefined, see run.mjs; every target is one file with one
// LLVMFuzzerTestOneInput.
#ifndef FLEET_FUZZ_H
#define FLEET_FUZZ_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A condition that must hold whatever the input.
#define HOLDS(condition) \
  do {                   \
    if (!(condition)) abort(); \
  } while (0)

typedef struct {
  const uint8_t *at;
  uint32_t left;
} input_t;

// 0 when there is no more.
uint8_t take_u8(input_t *input);
uint32_t take_u32(input_t *input, uint32_t bytes); // little-endian
// Up to n bytes; how many there were.
uint32_t take_bytes(input_t *input, const uint8_t **bytes, uint32_t n);
// A copy in a block of its own size, so that a read past its end is seen. Free it.
uint8_t *copy_of(const uint8_t *bytes, uint32_t n);

enum { stage_empty = 0, stage_fetching = 1, stage_active = 2, stages = 3 };
enum { bundles = 3 };

extern world_t world;
// Stands at `stage` with a session to its broker, as often as asked for; the first call makes the stages.
void start_at(uint32_t stage);
const bundle_t *bundle_of(uint32_t index);
// Every signature is good: mutated manifests get further.
void trust_everybody(void);
// What must hold between two steps: indexes and sizes in range, and what runs has the digest that its record names.
void check_world(void);

#endif
