// Decodes payloads of transfers (fleet_payload.h): commands and bytes under adaptive binary contexts, from a range coder as
// LZMA's. Not where bytes come from and go to: that is transfer.c.
#include "fleet_payload.h"

#include <string.h>

#include "fleet_error.h"
#include "fleet_runtime.h"

enum { kind_literal = 0, kind_base = 1, kind_self = 2, kind_change = 3 };

enum {
  number_bits = 24, // above the highest of the largest number
  number_contexts = 32,
  at_copy = 0,    // + what came before
  at_self = 3,    // + what came before
  at_changed = 6,
  at_again = 7, // + 1 for self
  at_below = 9,
  at_length = 16,
  at_self_length = at_length + number_contexts,
  at_displacement = at_self_length + number_contexts,
  at_distance = at_displacement + number_contexts,
  at_literal = at_distance + number_contexts,
  at_difference = at_literal + 256, // + 256 after an unequal byte
  contexts_end = at_difference + 512,
  // A bit takes at most log2(4096 / 31) < 7.1 bits of code; a command with its first byte has at most 5 + 2 * 49 + 8 of them.
  symbol_max_bytes = 104,
};

_Static_assert((uint32_t)contexts_end == (uint32_t)FLEET_PAYLOAD_CONTEXTS, "contexts");
_Static_assert(sizeof(fleet_payload_t) <= 4096, "patch scratch");

static uint32_t load_24(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16; }

static void take_code(fleet_payload_t *p) {
  p->code <<= 8;
  if (p->in_at < p->in_end) p->code |= p->in[p->in_at++]; // zeros at a block's end are not sent
}

// How far the estimate of a context that has seen so many bits moves: by 1/2, 1/4 ... 1/32 of what is left.
static const FLEET_CONST_MEMORY uint8_t shifts[16] = {1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5};

static uint32_t bit(fleet_payload_t *p, uint32_t context) {
  uint16_t *const state = &p->states[context];
  const uint32_t seen = *state & 15u;
  uint32_t zero = *state >> 4; // 31 to 4065 of 4096
  const uint32_t shift = shifts[seen];
  const uint32_t bound = (p->range >> 12) * zero;
  const uint32_t one = p->code >= bound;
  // Bits are as good as random: masks instead of branches that no core can foresee.
  const uint32_t mask = 0 - one;
  const uint32_t up = (4096 - zero) >> shift;
  p->code -= bound & mask;
  p->range = bound + ((p->range - 2 * bound) & mask);
  zero += up - ((up + (zero >> shift)) & mask);
  *state = (uint16_t)(zero << 4 | (seen + (seen < 15)));
  while (p->range < UINT32_C(1) << 24) {
    p->range <<= 8;
    take_code(p);
  }
  return one;
}

static uint32_t byte(fleet_payload_t *p, uint32_t context) {
  uint32_t node = 1;
  while (node < 256) node = node << 1 | bit(p, context + node);
  return node - 256;
}

// Exponential Golomb, 1 to 2^25 - 1; 0 for what is none.
static uint32_t number(fleet_payload_t *p, uint32_t context) {
  uint32_t bits = 0;
  uint32_t value = 1;
  while (bit(p, context + bits) != 0) {
    if (++bits > number_bits) return 0;
  }
  while (bits-- != 0) value = value << 1 | bit(p, context + number_bits + 1 + (bits < 6 ? bits : 6));
  return value;
}

// Reads a command into length, kind and position; false when it leaves the block or the base.
static bool command(fleet_payload_t *p) {
  const uint32_t after = p->command == kind_change ? (uint32_t)kind_base : p->command;
  const uint32_t left = p->block_end - p->made;
  p->unequal = 0;
  p->length = 1;
  p->command = kind_literal;
  if (bit(p, at_copy + after) == 0) return true;
  if (bit(p, at_self + after) != 0) {
    p->command = kind_self;
    if (bit(p, at_again + 1) == 0) p->distance = number(p, at_distance);
    p->length = number(p, at_self_length);
    return p->distance - 1 < p->made - p->block_start && p->length - 1 < left;
  }
  p->command = bit(p, at_changed) != 0 ? kind_change : kind_base;
  if (bit(p, at_again) == 0) {
    const bool below = bit(p, at_below) != 0;
    const uint32_t step = number(p, at_displacement);
    p->displacement += below ? 0 - step : step;
  }
  p->length = number(p, at_length);
  const uint32_t source = p->made + p->displacement;
  return p->length - 1 < left && source < p->start.base_bytes && p->length <= p->start.base_bytes - source;
}

// The byte at `offset` of the base, or of the result, through a small window. What was written never changes again.
static int32_t source_byte(fleet_payload_t *p, bool own, uint32_t offset, uint32_t *value) {
  if (own && offset >= p->written) {
    *value = p->out[offset - p->written];
    return 0;
  }
  if (p->window_own != own || offset - p->window_at >= p->window_bytes) {
    const uint32_t left = (own ? p->written : p->start.base_bytes) - offset;
    p->window_own = own;
    p->window_at = offset;
    p->window_bytes = (uint8_t)(left < sizeof p->window ? left : sizeof p->window);
    const int32_t result = p->io->read(p->user, own, offset, p->window, p->window_bytes);
    if (result < 0) return result;
  }
  *value = p->window[offset - p->window_at];
  return 0;
}

static int32_t flush(fleet_payload_t *p) {
  const uint32_t n = p->made - p->written;
  if (n == 0) return 0;
  p->crc = fleet_crc32(p->crc, p->out, n);
  const int32_t result = p->io->write(p->user, p->written, p->out, n);
  p->written = p->made;
  return result;
}

static int32_t make_byte(fleet_payload_t *p) {
  if (p->range == 0) {
    p->range = UINT32_MAX;
    for (uint32_t i = 0; i < 4; i++) take_code(p);
  }
  if (p->length == 0 && !command(p)) return -(int32_t)fleet_err_wire_payload_invalid;
  uint32_t value = 0;
  if (p->command != kind_literal) {
    const bool own = p->command == kind_self;
    const int32_t result = source_byte(p, own, p->made + (own ? 0 - p->distance : p->displacement), &value);
    if (result < 0) return result;
  }
  if (p->command == kind_literal || p->command == kind_change) {
    const bool change = p->command == kind_change;
    uint32_t coded = byte(p, change ? at_difference + 256u * p->unequal : (uint32_t)at_literal);
    if (change) {
      p->unequal = coded != 0;
      coded = (coded & 1) != 0 ? (coded + 1) >> 1 : 0 - (coded >> 1); // 0, 1, -1, 2, -2, ...
    }
    value += coded;
  }
  p->length--;
  p->out[p->made - p->written] = (uint8_t)value;
  p->made++;
  return p->made - p->written == sizeof p->out ? flush(p) : 0;
}

static bool begin_block(fleet_payload_t *p) {
  const uint32_t bytes = load_24(p->in + 1);
  const uint32_t left = p->start.result_bytes - p->made;
  p->block_end = p->made + bytes;
  p->coded_left = load_24(p->in + 4);
  p->crc_wanted = load_24(p->in + 7) | (uint32_t)p->in[10] << 24;
  p->crc = p->range = p->displacement = p->length = 0;
  p->distance = 1;
  p->command = kind_literal;
  p->in_end = 0;
  for (uint32_t i = 0; i < FLEET_PAYLOAD_CONTEXTS; i++) p->states[i] = 0x8000;
  return p->in[0] == FLEET_PAYLOAD_FORMAT && bytes != 0 && bytes <= left &&
         (bytes == left || bytes % p->start.sector_bytes == 0);
}

// Everything is decoded of which the input is there for sure.
static int32_t decode(fleet_payload_t *p) {
  while (p->made < p->block_end) {
    if (p->coded_left != 0 && (uint32_t)(p->in_end - p->in_at) < symbol_max_bytes) return 0;
    const int32_t result = make_byte(p);
    if (result < 0) return result;
  }
  // A block's code ends with the last byte that it needs.
  if (p->coded_left != 0 || p->in_at != p->in_end) return -(int32_t)fleet_err_wire_payload_invalid;
  const int32_t result = flush(p);
  if (result < 0) return result;
  if (p->crc != p->crc_wanted) return -(int32_t)fleet_err_wire_payload_crc;
  p->block_start = p->block_end;
  p->block_taken = p->taken;
  p->in_at = p->in_end = 0;
  return 0;
}

void fleet_payload_init(fleet_payload_t *p, const fleet_payload_io_t *io, void *user,
                        const fleet_payload_start_t *start) {
  memset(p, 0, sizeof *p);
  p->io = io;
  p->user = user;
  p->start = *start;
  p->made = p->written = p->block_start = p->block_end = start->made;
  p->taken = p->block_taken = start->taken;
}

int32_t fleet_payload_feed(fleet_payload_t *p, const uint8_t *data, uint32_t n) {
  while (n != 0) {
    const bool head = p->block_end == p->block_start;
    if (head && p->made == p->start.result_bytes) return -(int32_t)fleet_err_wire_payload_invalid; // it has ended
    memmove(p->in, p->in + p->in_at, (size_t)(p->in_end - p->in_at));
    p->in_end = (uint16_t)(p->in_end - p->in_at);
    p->in_at = 0;
    uint32_t take = head ? FLEET_PAYLOAD_HEAD_BYTES - (uint32_t)p->in_end : sizeof p->in - p->in_end;
    if (!head && take > p->coded_left) take = p->coded_left;
    if (take > n) take = n;
    memcpy(p->in + p->in_end, data, take);
    p->in_end = (uint16_t)(p->in_end + take);
    p->taken += take;
    data += take;
    n -= take;
    if (head && p->in_end < FLEET_PAYLOAD_HEAD_BYTES) continue;
    if (!head) p->coded_left -= take;
    const int32_t result = !head || begin_block(p) ? decode(p) : -(int32_t)fleet_err_wire_payload_invalid;
    if (result < 0) { // final: what a broken command left is never followed
      p->block_end = p->block_start;
      p->made = p->start.result_bytes;
      return result;
    }
  }
  return 0;
}
