// Answers parameter blocks on stdin, one line of hexadecimal each, with a line on stdout: `ok PROJECT DEVICE HOST PORT SENSORS` or
// `error NUMBER`. Each block lies in memory of its own size, so that the sanitizers see a byte too many.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_device.h"

static void print(const fleet_device_parameters_t *p) {
  (void)printf("ok %.*s %.*s %.*s %u %u\n", (int)p->project.bytes, p->project.at, (int)p->device.bytes, p->device.at,
               (int)p->broker_host.bytes, p->broker_host.at, (unsigned)p->broker_port, (unsigned)p->sensor_count);
}

int main(void) {
  static char line[1 << 16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    const size_t n = strcspn(line, "\n") / 2;
    uint8_t *block = malloc(n != 0 ? n : 1);
    if (block == NULL) return 2;
    for (size_t i = 0; i < n; i++) {
      const char pair[3] = {line[2 * i], line[2 * i + 1], '\0'};
      block[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    fleet_device_parameters_t parameters;
    const int32_t error = fleet_device_parameters(&parameters, block, (uint32_t)n);
    if (error == 0) print(&parameters);
    else (void)printf("error %d\n", (int)-error);
    free(block);
  }
  return 0;
}
