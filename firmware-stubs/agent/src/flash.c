// See fleet_flash.h.
#include "fleet_flash.h"

#include <string.h>

#include "fleet_runtime.h"

// What is read back at once: of the stack; on WebAssembly, where each read leaves the module, a chunk.
#ifdef __wasm__
enum { check_bytes = 1024 };
#else
enum { check_bytes = fleet_flash_piece };
#endif

uint32_t fleet_round_up(uint32_t n, uint32_t unit) { return (n + unit - 1) & ~(unit - 1); }

static int32_t failed(fleet_flash_t *f, int32_t error) {
  f->errors++;
  return -error;
}

int32_t fleet_flash_read(fleet_flash_t *f, uint32_t offset, void *dst, uint32_t n) {
  for (uint32_t tries = 0; tries < 3; tries++) {
    if (f->platform->flash_read(f->platform->user, offset, dst, n) >= 0) return 0;
  }
  return failed(f, fleet_err_flash_read_failed);
}

int32_t fleet_flash_program(fleet_flash_t *f, uint32_t offset, const void *src, uint32_t n) {
  if (f->platform->flash_program(f->platform->user, offset, src, n) >= 0) return 0;
  return failed(f, fleet_err_flash_write_failed);
}

int32_t fleet_flash_erase(fleet_flash_t *f, uint32_t offset) {
  if (f->platform->flash_erase(f->platform->user, offset) >= 0) return 0;
  return failed(f, fleet_err_flash_erase_failed);
}

static uint32_t piece_of(uint32_t left) { return left < fleet_flash_piece ? left : (uint32_t)fleet_flash_piece; }

int32_t fleet_flash_write(fleet_flash_t *f, uint32_t offset, const void *src, uint32_t n) {
  const uint8_t *from = src;
  uint8_t piece[check_bytes];
  const uint32_t whole = n & ~(f->geometry.unit_bytes - 1);
  int32_t result = whole == 0 ? 0 : fleet_flash_program(f, offset, from, whole);
  if (whole < n && result == 0) {
    memset(piece, (int)f->geometry.erased, fleet_flash_piece);
    memcpy(piece, from + whole, n - whole);
    result = fleet_flash_program(f, offset + whole, piece, f->geometry.unit_bytes);
  }
  for (uint32_t take; n != 0 && result == 0; offset += take, from += take, n -= take) {
    take = n < check_bytes ? n : (uint32_t)check_bytes;
    result = fleet_flash_read(f, offset, piece, take);
    if (result == 0 && memcmp(piece, from, take) != 0) return failed(f, fleet_err_flash_verify_failed);
  }
  return result;
}

int32_t fleet_flash_erased(fleet_flash_t *f, uint32_t offset, uint32_t end) {
  uint8_t piece[fleet_flash_piece];
  for (uint32_t n; offset < end; offset += n) {
    n = piece_of(end - offset);
    const int32_t result = fleet_flash_read(f, offset, piece, n);
    if (result < 0) return result;
    for (uint32_t i = 0; i < n; i++) {
      if (piece[i] != f->geometry.erased) return 0;
    }
  }
  return 1;
}

// ---- records ---------------------------------------------------------------------------------------------------------

typedef struct {
  uint16_t kind;
  uint16_t bytes; // behind the CRC
  uint32_t crc;   // of the four bytes before it and of those behind it
  uint32_t number;
} head_t;

typedef char head_has_no_padding[sizeof(head_t) == fleet_record_bytes ? 1 : -1];

static uint32_t head_crc(const head_t *head) { return fleet_crc32(fleet_crc32(0, head, 4), &head->number, 4); }

uint32_t fleet_record_size(const fleet_flash_t *f, uint32_t n) {
  return fleet_round_up(fleet_record_bytes + n, f->geometry.unit_bytes);
}

int32_t fleet_record_write(fleet_flash_t *f, uint32_t offset, uint32_t kind, uint32_t number, const void *src, uint32_t n) {
  uint8_t piece[fleet_flash_piece];
  const uint8_t *from = src;
  head_t head = {(uint16_t)kind, (uint16_t)(n + 4), 0, number};
  uint32_t used = sizeof head;
  int32_t result;
  head.crc = fleet_crc32(head_crc(&head), src, n);
  memcpy(piece, &head, sizeof head);
  do {
    const uint32_t take = n < sizeof piece - used ? n : (uint32_t)sizeof piece - used;
    if (take != 0) { // `src` is NULL where there is nothing
      memcpy(piece + used, from, take);
      from += take;
    }
    result = fleet_flash_write(f, offset, piece, used + take);
    offset += fleet_flash_piece;
    n -= take;
    used = 0;
  } while (n != 0 && result == 0);
  return result;
}

uint32_t fleet_record_read(fleet_flash_t *f, uint32_t offset, uint32_t end, fleet_record_t *record) {
  uint8_t piece[fleet_flash_piece];
  head_t head;
  if (end - offset < sizeof head || fleet_flash_read(f, offset, &head, sizeof head) != 0 || head.kind != record->kind) return 0;
  const uint32_t n = head.bytes - 4u;
  const uint32_t size = fleet_record_size(f, n);
  if (n > UINT16_MAX || size > end - offset) return 0;
  uint32_t crc = head_crc(&head);
  for (uint32_t done = 0, take; done < n; done += take) {
    take = piece_of(n - done);
    if (fleet_flash_read(f, offset + fleet_record_bytes + done, piece, take) != 0) return 0;
    crc = fleet_crc32(crc, piece, take);
    const uint32_t room = done < record->capacity ? record->capacity - done : 0;
    if (record->dst != NULL) memcpy(record->dst + done, piece, take < room ? take : room);
  }
  record->number = head.number;
  record->n = n;
  return crc == head.crc ? size : 0;
}
