// Runs bundles of all ops under sanitizers: corpus FILE MUTATIONS. FILE holds bundles one after the other, each behind its length
// (uint32, little-endian). Each must load, pass its own self-test and stay inside its memory; then so many damaged copies
// of it must end in an error or run inside their memory. Made and run by libs/compiler/test/sanitizers.medium.spec.ts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static bundle_t copy_of(const uint8_t *data, uint32_t size) {
  bundle_t b = {NULL, size, aligned_alloc(16, (size + 15u) & ~15u)};
  if (b.block == NULL) abort();
  b.bytes = b.block;
  memcpy(b.bytes, data, size);
  return b;
}

static int passes_self_test(const bundle_t *b, uint32_t number) {
  machine_t m;
  uint32_t step = 0;
  const int32_t error = start(&m, b, &step);
  int ok = error == 0 && m.rt.golden_count > 0;
  if (error != 0) printf("FAIL bundle %u: load gives %d at step %u\n", (unsigned)number, (int)error, (unsigned)step);
  for (uint32_t v = 0; ok && v < m.rt.golden_count; v++) {
    fleet_self_test_t test;
    int32_t left = fleet_self_test_begin(&m.rt, &test, v);
    if (left == 0) left = fleet_self_test(&m.rt, &test, INT32_MAX);
    if (left != 0) {
      printf("FAIL bundle %u: self-test %u gives %d\n", (unsigned)number, (unsigned)v, (int)left);
      ok = 0;
    }
  }
  ok = ok && canaries_are_alive(&m);
  stop(&m);
  return ok;
}

// Where a section lies. Most damage goes to the plan and the front end, the rest anywhere (shapes and shifts in tables
// among it).
static int find_section(const bundle_t *b, uint32_t type, uint32_t *from, uint32_t *bytes) {
  *from = 0;
  *bytes = b->size;
  for (uint32_t i = 0; i < b->bytes[FLEET_HEADER_SECTION_COUNT]; i++) {
    const uint8_t *entry = b->bytes + FLEET_HEADER_RECORD_BYTES + i * FLEET_SECTION_ENTRY_RECORD_BYTES;
    uint32_t numbers[2];
    memcpy(&numbers[0], entry + FLEET_SECTION_ENTRY_OFFSET, 4);
    memcpy(&numbers[1], entry + FLEET_SECTION_ENTRY_LENGTH, 4);
    if (entry[FLEET_SECTION_ENTRY_TYPE] != type || numbers[1] == 0) continue;
    *from = numbers[0];
    *bytes = numbers[1];
    return 1;
  }
  return 0;
}

static int damage(const uint8_t *data, uint32_t size) {
  bundle_t b = copy_of(data, size);
  uint32_t from, bytes;
  if (below(4) == 0 || !find_section(&b, FLEET_SECTION_FRONT_END, &from, &bytes))
    (void)find_section(&b, FLEET_SECTION_PLAN, &from, &bytes);
  for (uint32_t changes = 1 + below(3); changes > 0; changes--) {
    const uint32_t at = below(8) ? from + below(bytes) : below(b.size), value = odd_value();
    switch (below(4)) {
      case 0: b.bytes[at] ^= (uint8_t)(1u << below(8)); break;
      case 1: b.bytes[at] = (uint8_t)value; break;
      case 2: if ((at & ~1u) + 2 <= b.size) put16(b.bytes + (at & ~1u), value); break;
      default: if ((at & ~3u) + 4 <= b.size) put32(b.bytes + (at & ~3u), value);
    }
  }
  machine_t m;
  const int loads = start(&m, &b, NULL) == 0;
  stop(&m);
  if (loads) exercise(&b);
  release_bundle(&b);
  return loads;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  FILE *file = fopen(argv[1], "rb");
  const uint32_t mutations = (uint32_t)strtoul(argv[2], NULL, 10);
  uint32_t bundles = 0, size;
  uint64_t survived = 0;
  if (file == NULL) return 2;
  while (fread(&size, 4, 1, file) == 1) {
    uint8_t *data = malloc(size);
    if (data == NULL || fread(data, 1, size, file) != size) return 2;
    bundle_t b = copy_of(data, size);
    expect(passes_self_test(&b, bundles));
    exercise(&b);
    release_bundle(&b);
    for (uint32_t i = 0; i < mutations; i++) survived += (uint64_t)damage(data, size);
    free(data);
    bundles++;
  }
  fclose(file);
  // Else damage never reaches the kernels, and the test proves nothing.
  expect(survived > (uint64_t)bundles * mutations / 50);
  printf("%s: %u bundles, %u mutations each\n", failures == 0 ? "passed" : "failed", (unsigned)bundles, (unsigned)mutations);
  return failures == 0 ? 0 : 1;
}
