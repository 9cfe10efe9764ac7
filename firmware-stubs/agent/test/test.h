// The runner: a test is a function in a table; CHECK ends the process with file and line when its condition is false.
#ifndef FLEET_TEST_H
#define FLEET_TEST_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);      \
      exit(1);                                                              \
    }                                                                       \
  } while (0)

#define CHECK_EQUAL(actual, expected)                                                                     \
  do {                                                                                                    \
    const long long actual_value = (long long)(actual), expected_value = (long long)(expected);           \
    if (actual_value != expected_value) {                                                                 \
      printf("%s:%d: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #actual, actual_value, #expected, \
             expected_value);                                                                             \
      exit(1);                                                                                            \
    }                                                                                                     \
  } while (0)

typedef struct {
  const char *name;
  void (*run)(void);
} test_t;

extern const test_t codec_tests[];
extern const test_t mqtt_tests[];
extern const test_t flash_tests[];
extern const test_t update_tests[];
extern const test_t telemetry_tests[];
extern const test_t sleep_tests[];
extern const test_t payload_tests[];
extern const test_t transfer_tests[];
extern const test_t shadow_tests[];
extern const test_t hostile_tests[];
extern const test_t ask_tests[];
extern const test_t attack_tests[];
extern const test_t one_slot_tests[];
extern const test_t firmware_tests[];
extern const test_t summary_tests[];

#endif
