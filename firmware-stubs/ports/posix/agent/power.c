// The handlers do what POSIX allows in one: note a byte, execute the program again, or wake the loop.
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE // SA_ONSTACK, MINSIGSTKSZ
#include "power.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fleet_wire.h"

// Signals reach a process, not a context: this is the port's only global state.
static struct {
  char program[PATH_MAX];
  char *const *argv;
  int cause_fd;
  int stop[2];
  uint32_t cause;
  uint32_t watchdog_s;
  volatile sig_atomic_t stopping;
} power;

static uint8_t handler_stack[65536]; // a fault may have used up the other one

// A crash that comes back at once would otherwise take all of a processor.
static const struct timespec fault_pause = {0, 200000000};

// Async-signal-safe.
static void note_cause(uint32_t cause) {
  const char digit = (char)('0' + (int)cause);
  if (lseek(power.cause_fd, 0, SEEK_SET) == 0) (void)!write(power.cause_fd, &digit, 1);
}

// Async-signal-safe: only execv and what POSIX lists.
_Noreturn void power_reboot(uint32_t cause) {
  (void)alarm(0);
  note_cause(cause);
  (void)execv(power.program, power.argv);
  (void)execv("/proc/self/exe", power.argv); // the file was replaced or removed since
  _exit(70);
}

static void on_alarm(int number) {
  (void)number;
  power_reboot(FLEET_RESET_CAUSE_WATCHDOG);
}

#if !defined(__SANITIZE_ADDRESS__)
static void on_fault(int number) {
  (void)number;
  power_reboot(FLEET_RESET_CAUSE_FAULT);
}
#endif

static void on_stop(int number) {
  (void)number;
  power.stopping = 1;
  (void)!write(power.stop[1], "", 1);
}

static void handle(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_ONSTACK;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(number, &action, NULL);
}

static void handle_all(void) {
  stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack, .ss_flags = 0};
  (void)sigaltstack(&stack, NULL);
  handle(SIGALRM, on_alarm);
  handle(SIGTERM, on_stop);
  handle(SIGINT, on_stop);
  handle(SIGPIPE, SIG_IGN);
#if !defined(__SANITIZE_ADDRESS__) // the sanitizer tells more and ends the process
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) handle(faults[i], on_fault);
#endif
  // A reboot from a handler comes here with that signal blocked.
  sigset_t none;
  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

const char *power_init(const char *cause_path, char *const *argv, uint32_t watchdog_s) {
  char digit = '1';
  power.argv = argv;
  power.watchdog_s = watchdog_s;
  const char *loader = getenv("TINYFLEET_LOADER"); // which chooses the firmware of the next boot
  const ssize_t length = loader != NULL ? (ssize_t)strlen(loader) : readlink("/proc/self/exe", power.program, sizeof power.program - 1);
  if (loader != NULL && length < (ssize_t)sizeof power.program) memcpy(power.program, loader, (size_t)length);
  if (length > 0 && length < (ssize_t)sizeof power.program) power.program[length] = '\0';
  else if (realpath(argv[0], power.program) == NULL) return "the program does not know its own path";
  power.cause_fd = open(cause_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (power.cause_fd < 0) return "the file of the reset cause cannot be opened";
  if (read(power.cause_fd, &digit, 1) != 1 || digit < '0' || digit > '8') digit = '1';
  power.cause = (uint32_t)(digit - '0');
  note_cause(FLEET_RESET_CAUSE_POWER_ON);
  if (pipe(power.stop) != 0) return "no pipe";
  for (int i = 0; i < 2; i++) {
    (void)fcntl(power.stop[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(power.stop[i], F_SETFL, O_NONBLOCK);
  }
  handle_all();
  if (power.cause == FLEET_RESET_CAUSE_FAULT || power.cause == FLEET_RESET_CAUSE_WATCHDOG)
    (void)nanosleep(&fault_pause, NULL);
  return NULL;
}

uint32_t power_reset_cause(void) { return power.cause; }

void power_watchdog_feed(void) { (void)alarm(power.watchdog_s); }

void power_watchdog_pause(void) { (void)alarm(0); }

int power_stop_fd(void) { return power.stop[0]; }

int power_stop_asked(void) { return power.stopping; }
