// Linked into a device for tests only: it comes up, works for a moment, and then a thread of it writes where nothing is.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

static volatile int *volatile nowhere;

static void *crash(void *user) {
  static const struct timespec moment = {0, 300000000};
  (void)nanosleep(&moment, NULL);
  *nowhere = 1;
  return user;
}

__attribute__((constructor)) static void plant(void) {
  pthread_t thread;
  (void)pthread_create(&thread, NULL, crash, NULL);
}
