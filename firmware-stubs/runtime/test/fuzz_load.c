// libFuzzer target: any bytes as a bundle. Built with clang -fsanitize=fuzzer,address,undefined; see runtime.medium.spec.ts.
#include <stdlib.h>
#include <string.h>

#include "harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bundle_t bundle = {NULL, (uint32_t)size, aligned_alloc(16, size > 0 ? (size + 15u) & ~(size_t)15 : 16)};
  bundle.bytes = bundle.block;
  if (bundle.bytes == NULL) abort();
  memcpy(bundle.bytes, data, size);
  exercise(&bundle);
  release_bundle(&bundle);
  if (failures != 0) abort();
  return 0;
}
