// The boot loader of firmware_file.c alone, for its test: the first argument is the folder, the second how many reads succeed, the third
// how many fail behind them. Executes the image that is due, or says that this program runs. Linked with --wrap=read.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../agent/firmware_file.h"

static long good, failing;

ssize_t __real_read(int fd, void *dst, size_t n);
ssize_t __wrap_read(int fd, void *dst, size_t n);
ssize_t __wrap_read(int fd, void *dst, size_t n) {
  if (good-- > 0 || failing == 0) return __real_read(fd, dst, n);
  failing--;
  errno = EIO;
  return -1;
}

int main(int argc, char **argv) {
  static firmware_file_t firmware;
  if (argc < 4) return 2;
  good = strtol(argv[2], NULL, 10);
  failing = strtol(argv[3], NULL, 10);
  const char *problem = firmware_file_boot(&firmware, argv[1], argv);
  (void)printf("%s\n", problem == NULL ? "the first program" : problem);
  return problem != NULL;
}
