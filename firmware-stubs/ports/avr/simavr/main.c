// An ATmega328P under simavr with power that may fail: flash and EEPROM are a file that is mapped, so what the device had written when
// this process died is what it finds when it is started again. Its UART goes to a modem on TCP (src/qemu/modem.ts), with RTS.
//   tinyfleet-avr firmware.hex memory-file modem-port
// memory-file: 32 KB of flash, then 1 KB of EEPROM; the program's own part of the flash is written at each start. Prints `boot`,
// and with each inference the class it gave.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_eeprom.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_hex.h>

enum { flash_bytes = 32768, eeprom_bytes = 1024, ram_start = 0x100, ram_end = 0x900, clock_hz = 16000000, rts_pin = 2 };
// A byte of ten bits at 38,400 baud, and how often the line and the wall clock are looked at.
enum { byte_cycles = clock_hz / 3840, look_cycles = clock_hz / 1000 };

static struct {
  int modem;
  uint8_t in[4096]; // from the modem, [in_sent, in_used)
  size_t in_sent, in_used;
  int may_send; // the device's RTS
  avr_irq_t *to_device;
  avr_uart_t *uart;
  uint64_t started_ns;
  unsigned inferences;
} line;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t wall_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void from_device(avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  (void)param;
  const uint8_t byte = (uint8_t)value;
  if (send(line.modem, &byte, 1, MSG_NOSIGNAL) != 1) exit(0); // whoever ran the modem has gone
}

static void on_rts(avr_irq_t *irq, uint32_t value, void *param) {
  (void)irq;
  (void)param;
  line.may_send = value == 0;
}

static void on_inference(avr_irq_t *irq, uint32_t value, void *param) {
  static uint32_t last;
  (void)irq;
  avr_ioport_state_t state;
  if (value == last) return;
  last = value;
  if (avr_ioctl(param, AVR_IOCTL_IOPORT_GETSTATE('B'), &state) == 0)
    printf("inference %u class %u\n", ++line.inferences, (unsigned)(state.port & 15));
}

static void send_byte(void) {
  // simavr's UART would take 64 bytes, which RTS could no longer hold back; the chip's takes two.
  const int is_free = line.uart->input.read == line.uart->input.write;
  if (is_free && line.may_send && line.in_sent < line.in_used) avr_raise_irq(line.to_device, line.in[line.in_sent++]);
}

// Reads what the modem has sent, and keeps the device's clock from running ahead of the wall's.
static void look(uint64_t cycle) {
  const uint64_t due_ns = line.started_ns + cycle * (1000000000u / (clock_hz / 1000)) / 1000;
  const uint64_t now_ns = wall_ns();
  if (due_ns > now_ns) {
    const struct timespec rest = {(time_t)((due_ns - now_ns) / 1000000000u), (long)((due_ns - now_ns) % 1000000000u)};
    nanosleep(&rest, NULL);
  } else if (now_ns - due_ns > 1000000000u) {
    line.started_ns += now_ns - due_ns; // this machine was busy: the device's time stood still
  }
  if (line.in_sent == line.in_used) {
    const ssize_t n = recv(line.modem, line.in, sizeof line.in, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) exit(0);
    line.in_sent = 0;
    line.in_used = n > 0 ? (size_t)n : 0;
  }
}

// Time passes in `look`; a sleeping core only has to let the cycles go by.
static void sleep_core(avr_t *avr, avr_cycle_count_t cycles) {
  (void)avr;
  (void)cycles;
}

static uint8_t *map_memory(const char *path) {
  const int file = open(path, O_RDWR | O_CREAT, 0600);
  if (file < 0) fail(path);
  const off_t bytes = lseek(file, 0, SEEK_END);
  if (bytes == 0) {
    uint8_t erased[flash_bytes + eeprom_bytes];
    memset(erased, 0xff, sizeof erased);
    if (write(file, erased, sizeof erased) != (ssize_t)sizeof erased) fail(path);
  } else if (bytes != flash_bytes + eeprom_bytes) {
    fprintf(stderr, "%s is not the memory of an ATmega328P\n", path);
    exit(1);
  }
  uint8_t *memory = mmap(NULL, flash_bytes + eeprom_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fail(path);
  return memory;
}

static void load_program(uint8_t *flash, const char *path) {
  ihex_chunk_p chunks = NULL;
  const int n = read_ihex_chunks(path, &chunks);
  if (n <= 0) {
    fprintf(stderr, "%s holds no program\n", path);
    exit(1);
  }
  for (int i = 0; i < n; i++)
    if (chunks[i].baseaddr + chunks[i].size <= flash_bytes) memcpy(flash + chunks[i].baseaddr, chunks[i].data, chunks[i].size);
}

static void *part_of(avr_t *avr, const char *kind) {
  for (avr_io_t *io = avr->io_port; io != NULL; io = io->next)
    if (strcmp(io->kind, kind) == 0) return io;
  fprintf(stderr, "simavr has no %s\n", kind);
  exit(1);
}

static int dial(const char *port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) fail("modem");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s firmware.hex memory-file modem-port\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  uint8_t *memory = map_memory(argv[2]);
  load_program(memory, argv[1]);
  avr_t *avr = avr_make_mcu_by_name("atmega328p");
  if (avr == NULL) return 1;
  avr_init(avr);
  avr->frequency = clock_hz;
  avr->log = LOG_ERROR;
  avr->flash = memory; // in place of its own: every write is in the file when it has happened
  avr->codeend = flash_bytes;
  ((avr_eeprom_t *)part_of(avr, "eeprom"))->eeprom = memory + flash_bytes;
  line.uart = part_of(avr, "uart");
  avr->sleep = sleep_core;
  // RAM wakes up as noise, as that of a chip does.
  if (getrandom(avr->data + ram_start, ram_end - ram_start, 0) < 0) fail("getrandom");

  line.modem = dial(argv[3]);
  line.may_send = 1;
  line.started_ns = wall_ns();
  uint32_t flags = 0;
  avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
  flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
  avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), from_device, NULL);
  line.to_device = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), rts_pin), on_rts, NULL);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 5), on_inference, avr);
  printf("boot\n");
  // Not by simavr's timers, which a reset by the watchdog forgets.
  for (uint64_t byte = 0, next_look = 0;;) {
    const int state = avr_run(avr);
    if (state == cpu_Crashed || state == cpu_Done) {
      fprintf(stderr, "the processor stopped at %#x\n", (unsigned)avr->pc);
      return 1;
    }
    if (avr->cycle >= byte) {
      byte = avr->cycle + byte_cycles;
      send_byte();
    }
    if (avr->cycle >= next_look) {
      next_look = avr->cycle + look_cycles;
      look(avr->cycle);
    }
  }
}
