// A POSIX system's clock, randomness and poll; a reset ends the program.
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "board.h"

extern int host_socket; // board_network.c

static struct timespec started;

void board_start(void) { (void)clock_gettime(CLOCK_MONOTONIC, &started); }

uint32_t board_reset_cause(void) { return FLEET_RESET_CAUSE_POWER_ON; }

uint64_t board_now_us(void *user) {
  struct timespec now;
  (void)user;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)((now.tv_sec - started.tv_sec) * 1000000 + (now.tv_nsec - started.tv_nsec) / 1000);
}

uint32_t board_cycles(void *user) { return (uint32_t)(board_now_us(user) * (BOARD_CLOCK_KHZ / 1000)); }

void board_entropy(void *user, void *dst, uint32_t n) {
  (void)user;
  FILE *source = fopen("/dev/urandom", "rb");
  if (source == NULL || fread(dst, 1, n, source) != n) abort();
  (void)fclose(source);
}

void board_reset(void *user) {
  (void)user;
  exit(0);
}

void board_watchdog(void *user) { (void)user; }

int32_t board_battery(void *user) {
  (void)user;
  return -1;
}

void board_log(void *user, uint32_t level, const char *text, int32_t value) {
  (void)user;
  (void)fprintf(stderr, "%u %s %d\n", (unsigned)level, text, (int)value);
}

int32_t board_wait(void *user, uint64_t due_us) {
  const uint64_t now = board_now_us(user);
  if (due_us <= now) return 0;
  const uint64_t ms = (due_us - now + 999) / 1000;
  struct pollfd fd = {.fd = host_socket, .events = POLLIN};
  (void)poll(&fd, 1, ms > 1000 ? 1000 : (int)ms);
  return 0;
}
