// Answers lines of hexadecimal on stdin with lines 1 or 0 on stdout, so that a test can compare any number of cases with
// another implementation: "key signature message" ("-" for no bytes): is it a good signature? "key": can a signature of it
// be good at all? Each argument lies in a block of its own size, so that the sanitizers see a byte too many.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The decoding of keys has no other door: nobody can sign for a key above p, whether it is taken or not.
#include "../src/ed25519.c"

static uint8_t *unhex(const char *text, uint32_t *n) {
  *n = text[0] == '-' ? 0 : (uint32_t)strlen(text) / 2;
  uint8_t *bytes = malloc(*n);
  if (bytes == NULL && *n != 0) exit(2);
  for (uint32_t i = 0; i < *n; i++) {
    const char pair[3] = {text[2 * i], text[2 * i + 1], 0};
    bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return bytes;
}

int main(void) {
  static char line[70000];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *part[3] = {strtok(line, " \n"), strtok(NULL, " \n"), strtok(NULL, " \n")};
    uint32_t n[3];
    uint8_t *bytes[3];
    if (part[0] != NULL && part[1] == NULL) {
      point_t p;
      field_t multiples[odd_multiples][addend_fields];
      bytes[0] = unhex(part[0], &n[0]);
      printf("%d\n", load_negative(&p, bytes[0]) && make_multiples(multiples, &p));
      free(bytes[0]);
      continue;
    }
    if (part[2] == NULL) return 2;
    for (uint32_t i = 0; i < 3; i++) bytes[i] = unhex(part[i], &n[i]);
    if (n[0] != 32 || n[1] != 64) return 2;
    printf("%d\n", fleet_ed25519_verify(bytes[0], bytes[2], n[2], bytes[1]) == 0);
    for (uint32_t i = 0; i < 3; i++) free(bytes[i]);
  }
  return 0;
}
