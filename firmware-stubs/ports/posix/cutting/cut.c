// Loaded into a device for tests only (LD_PRELOAD): power that fails inside an operation on a file. The file that $TINYFLEET_CUTS
// names holds two native int32: the last of so many operations is cut, whichever program the device executes by then; and
// whether a rename, a removal or a sync is cut behind it and not before it. A write that is cut stores half of its bytes. Below
// zero nothing is cut, and operations are counted all the same.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int32_t *left; // [0] operations until the cut, [1] behind the operation; shared with the test

__attribute__((constructor)) static void arm(void) {
  const char *path = getenv("TINYFLEET_CUTS");
  const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, 2 * sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  (void)syscall(SYS_close, fd);
  if (mapped != MAP_FAILED) left = mapped;
}

static int is_cut(void) { return left != NULL && --left[0] == 0; }

static void die(void) {
  (void)kill(getpid(), SIGKILL);
  for (;;) (void)pause();
}

static int is_file(int fd) {
  struct stat about;
  return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t n) {
  if (!is_file(fd) || !is_cut()) return syscall(SYS_write, fd, bytes, n);
  (void)syscall(SYS_write, fd, bytes, n / 2);
  die();
  return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
  if (!is_cut()) return syscall(SYS_pwrite64, fd, bytes, n, offset);
  (void)syscall(SYS_pwrite64, fd, bytes, n / 2, offset);
  die();
  return -1;
}

int rename(const char *from, const char *to) {
  const int cut = is_cut();
  if (cut && left[1] == 0) die();
  const int result = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  if (cut) die();
  return result;
}

int unlink(const char *path) {
  const int cut = is_cut();
  if (cut && left[1] == 0) die();
  const int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (cut) die();
  return result;
}

int fsync(int fd) {
  const int cut = is_cut();
  if (cut && left[1] == 0) die();
  const int result = (int)syscall(SYS_fsync, fd);
  if (cut) die();
  return result;
}
