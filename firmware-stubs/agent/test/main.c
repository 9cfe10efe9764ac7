// Runs the agent's host tests. Without arguments: all, one line "ok <name>" each; with one: those whose name contains it.
#include <string.h>

#include "test.h"

int main(int argc, char **argv) {
  const test_t *const suites[] = {codec_tests,     mqtt_tests,  flash_tests,   update_tests,
                                  telemetry_tests, sleep_tests, shadow_tests,  payload_tests,
                                  transfer_tests,  hostile_tests, ask_tests,    attack_tests,
                                  one_slot_tests, firmware_tests, summary_tests};
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t s = 0; s < sizeof suites / sizeof suites[0]; s++) {
    for (const test_t *t = suites[s]; t->name != NULL; t++) {
      if (argc > 1 && strstr(t->name, argv[1]) == NULL) continue;
      t->run();
      printf("ok %s\n", t->name);
    }
  }
  return 0;
}
