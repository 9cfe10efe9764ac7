// Reader of transfer payloads: makes a bundle of a `delta` against another bundle, or of its `compressed` form, in pieces of any
// size, in fixed memory. The format is docs/spec/transfer.md, the writer libs/wire/src/transfer. It knows no network and no
// flash: bytes come by fleet_payload_feed, the base and the result are reached through two functions.
//
// Use:   fleet_payload_init(p, &io, user, &(fleet_payload_start_t){base_bytes, result_bytes, sector_bytes, 0, 0});
//        while bytes come: result = fleet_payload_feed(p, bytes, n);
//        p->block_start == result_bytes: the result is complete. After a power cut go on with a start of the block_start
//        and block_taken that were remembered, and with the payload from block_taken on.
//
// A payload is a sequence of blocks that stand alone: each makes whole sectors of the result (the last one: the rest) from the
// base and from itself, under a CRC of its own. So a transfer goes on at a block with nothing kept but two offsets.
//
// Whatever the input: no read outside the base or the block's own result, no write beyond result_bytes, every byte written once
// and in order, work bounded by the bytes of the result. An error is final until the next init. No globals, no recursion.
#ifndef FLEET_PAYLOAD_H
#define FLEET_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
  FLEET_PAYLOAD_FORMAT = 1,      // first byte of a block
  FLEET_PAYLOAD_HEAD_BYTES = 11, // format, bytes of the result (24 bits), coded bytes (24 bits), CRC-32 of the result
  FLEET_PAYLOAD_CONTEXTS = 912,
};

typedef struct {
  // Copies n bytes at `offset` of the base, or (own) of the result, of which only what was written is asked for. n <= 64.
  // 0 or a negative error.
  int32_t (*read)(void *user, bool own, uint32_t offset, void *dst, uint32_t n);
  // Takes the next n bytes of the result, which belong at `offset`: multiples of 32 but for the end of the result, n <= 256.
  int32_t (*write)(void *user, uint32_t offset, const uint8_t *src, uint32_t n);
} fleet_payload_io_t;

typedef struct {
  uint32_t base_bytes; // 0 for a compressed bundle
  uint32_t result_bytes;
  uint32_t sector_bytes; // a block is whole sectors of the result, or its rest
  uint32_t made;         // bytes of the result in whole blocks that are there already
  uint32_t taken;        // bytes of the payload that made them
} fleet_payload_start_t;

// About 2.6 KB. Fields are private but for block_start and block_taken.
typedef struct {
  // Small fields first: short load instructions reach the first 31, 62 or 124 bytes only.
  uint8_t window_bytes;
  bool window_own;
  uint8_t command; // kind of the last one
  uint8_t unequal; // the byte before differed from the base
  uint16_t in_at;
  uint16_t in_end;
  const fleet_payload_io_t *io;
  void *user; // first argument of its functions
  fleet_payload_start_t start;
  uint32_t made;        // bytes of the result
  uint32_t written;     // of these, the rest is in `out`
  uint32_t block_start; // bytes of the result in whole blocks: all checked
  uint32_t block_taken; // bytes of the payload that made these
  uint32_t block_end;   // == block_start: a head comes next
  uint32_t coded_left;  // of the block, not fed yet
  uint32_t taken;       // bytes of the payload
  uint32_t crc;
  uint32_t crc_wanted;
  uint32_t range; // of the range coder; 0 = not begun in this block
  uint32_t code;
  uint32_t displacement; // modulo 2^32: position in the base minus position in the result
  uint32_t distance;
  uint32_t length; // of the command, still to be made
  uint32_t window_at;
  uint8_t in[256]; // fed, not decoded yet
  uint8_t window[64]; // of the base or the result
  uint8_t out[256];
  uint16_t states[FLEET_PAYLOAD_CONTEXTS]; // probability of 0 in 12 bits, bits seen in 4
} fleet_payload_t;

// Clears the context. `io` must outlive it. O(1).
void fleet_payload_init(fleet_payload_t *payload, const fleet_payload_io_t *io, void *user,
                        const fleet_payload_start_t *start);
// Decodes n more bytes. 0, or a negative error: wire.payload-invalid, wire.payload-crc, or what read or write gave.
// O(n + bytes of the result that they make).
int32_t fleet_payload_feed(fleet_payload_t *payload, const uint8_t *data, uint32_t n);

#endif
