// See flash.h.
#include "flash.h"

#include <string.h>

#include "fleet_runtime.h"

uint32_t fleet_round_up(uint32_t n, uint32_t unit) { return (n + unit - 1) & ~(unit - 1); }

int32_t fleet_flash_read(const fleet_platform_t *f, uint32_t offset, void *dst, uint32_t n) {
  for (uint32_t tries = 0; tries < 3; tries++) {
    if (f->flash_read(f->user, offset, dst, n) >= 0) return 0;
  }
  return -(int32_t)fleet_err_flash_read_failed;
}

int32_t fleet_flash_write(const fleet_platform_t *f, const fleet_flash_geometry_t *g, uint32_t offset, const void *src,
                          uint32_t n) {
  const uint8_t *from = src;
  uint8_t piece[fleet_flash_piece];
  const uint32_t whole = n & ~(g->unit_bytes - 1);
  if (whole != 0 && f->flash_program(f->user, offset, from, whole) < 0) return -(int32_t)fleet_err_flash_write_failed;
  if (whole < n) {
    memset(piece, (int)g->erased, sizeof piece);
    memcpy(piece, from + whole, n - whole);
    if (f->flash_program(f->user, offset + whole, piece, g->unit_bytes) < 0) return -(int32_t)fleet_err_flash_write_failed;
  }
  for (uint32_t at = 0; at < n; at += fleet_flash_piece) {
    const uint32_t take = n - at < fleet_flash_piece ? n - at : (uint32_t)fleet_flash_piece;
    if (fleet_flash_read(f, offset + at, piece, take) < 0) return -(int32_t)fleet_err_flash_read_failed;
    if (memcmp(piece, from + at, take) != 0) return -(int32_t)fleet_err_flash_verify_failed;
  }
  return 0;
}

int32_t fleet_flash_record(const fleet_platform_t *f, const fleet_flash_geometry_t *g, uint32_t offset,
                           const uint8_t *head, uint32_t head_bytes, const uint8_t *src, uint32_t n) {
  uint8_t piece[fleet_flash_piece];
  uint32_t used = head_bytes;
  int32_t result;
  memcpy(piece, head, head_bytes);
  do {
    const uint32_t take = n < sizeof piece - used ? n : (uint32_t)sizeof piece - used;
    memcpy(piece + used, src, take);
    result = fleet_flash_write(f, g, offset, piece, used + take);
    offset += fleet_flash_piece;
    src += take;
    n -= take;
    used = 0;
  } while (n != 0 && result == 0);
  return result;
}

bool fleet_flash_erased(const fleet_platform_t *f, const fleet_flash_geometry_t *g, uint32_t offset, uint32_t end) {
  uint8_t piece[fleet_flash_piece];
  while (offset < end) {
    const uint32_t n = end - offset < fleet_flash_piece ? end - offset : (uint32_t)fleet_flash_piece;
    if (fleet_flash_read(f, offset, piece, n) < 0) return false;
    for (uint32_t i = 0; i < n; i++) {
      if (piece[i] != g->erased) return false;
    }
    offset += n;
  }
  return true;
}
