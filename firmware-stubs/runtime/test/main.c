// Runs the runtime's host tests: main [seed] [kernel rounds] [mutations]; or writes bundles that a fuzzer starts from:
// main --seeds DIR. Built with sanitizers by runtime.medium.spec.ts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static int write_seeds(const char *folder) {
  for (uint32_t i = 0; i < 4 * bundle_kinds; i++) {
    char path[512];
    bundle_t bundle = random_bundle(i % bundle_kinds);
    snprintf(path, sizeof path, "%s/seed-%02u", folder, (unsigned)i);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bundle.bytes, 1, bundle.size, file) != bundle.size || fclose(file) != 0) return 1;
    release_bundle(&bundle);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--seeds") == 0) return write_seeds(argv[2]);
  const uint32_t seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
  const uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 300;
  const uint32_t mutations = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 20000;
  seed_random(seed);
  test_integers();
  test_kernels(rounds);
  test_elements(rounds);
  test_run();
  test_moves();
  test_load(mutations);
  printf("%s: seed %u, %u kernel rounds, %u mutations\n", failures == 0 ? "passed" : "failed", (unsigned)seed,
         (unsigned)rounds, (unsigned)mutations);
  return failures == 0 ? 0 : 1;
}
