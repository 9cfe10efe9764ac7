// Writes payloads bit by bit for tests, hostile ones too: docs/spec/transfer.md from the other side, without any choice of
// commands. The writer that platforms use is libs/wire/src/transfer.
#ifndef FLEET_TEST_PAYLOAD_WRITER_H
#define FLEET_TEST_PAYLOAD_WRITER_H

#include <stdbool.h>
#include <stdint.h>

enum { payload_writer_bytes = 48 * 1024 };

typedef struct {
  uint8_t bytes[payload_writer_bytes];
  uint32_t n;
  uint8_t digest[32];
  // of the open block
  uint32_t head; // where it starts
  uint32_t after;
  uint32_t displacement;
  uint64_t low;
  uint32_t range;
  uint16_t states[912];
} payload_writer_t;

void writer_init(payload_writer_t *w);
void writer_begin(payload_writer_t *w);
void writer_bit(payload_writer_t *w, uint32_t context, uint32_t bit);
void writer_byte(payload_writer_t *w, uint32_t context, uint32_t value);
void writer_number(payload_writer_t *w, uint32_t context, uint32_t value);
void writer_literals(payload_writer_t *w, const uint8_t *bytes, uint32_t n);
// From the base at this displacement; `source` NULL: as it is, else `bytes` differ from it.
void writer_copy(payload_writer_t *w, uint32_t displacement, uint32_t n, const uint8_t *source, const uint8_t *bytes);
void writer_self(payload_writer_t *w, uint32_t distance, uint32_t n);
// Ends the block: result_bytes and crc as the head will say.
void writer_end(payload_writer_t *w, uint32_t result_bytes, uint32_t crc);
// The digest of what was written.
void writer_finish(payload_writer_t *w);
// All of `result` from `base` at the same offset (NULL: from nothing), blocks of block_bytes, byte by byte.
void writer_plain(payload_writer_t *w, const uint8_t *base, const uint8_t *result, uint32_t n, uint32_t block_bytes);

#endif
