// Gives public test vectors to the agent's own parsers. Lines on stdin, hexadecimal ("-" for no bytes), answers on stdout:
//   cbor ITEM        1 when the reader takes it as one item and the writer gives the same bytes again, else 0
//   hmac KEY MESSAGE the MAC
//   sign1 ITEM       "ALGORITHM STRUCTURE SIGNATURE" of a COSE_Sign1 with its payload inside, or "refused"
// Everything lies in blocks of its own size, so that the sanitizers see a byte too many.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/update.h"

static uint8_t *unhex(const char *text, uint32_t *n) {
  *n = text[0] == '-' ? 0 : (uint32_t)strlen(text) / 2;
  uint8_t *bytes = malloc(*n);
  if (bytes == NULL && *n != 0) exit(2);
  for (uint32_t i = 0; i < *n; i++) {
    const char pair[3] = {text[2 * i], text[2 * i + 1], 0};
    bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return bytes;
}

static void print_hex(const uint8_t *bytes, uint32_t n, const char *end) {
  for (uint32_t i = 0; i < n; i++) printf("%02x", bytes[i]);
  printf("%s", end);
}

static bool same_again(const uint8_t *bytes, uint32_t n) {
  fleet_cbor_reader_t r;
  fleet_cbor_reader_init(&r, bytes, n);
  if (!fleet_cbor_skip(&r) || r.at != r.end) return false;
  uint8_t *again = malloc(n);
  if (again == NULL) exit(2);
  fleet_cbor_writer_t w = {again, n, 0, false};
  fleet_cbor_reader_init(&r, bytes, n);
  for (fleet_cbor_item_t item; r.at != r.end;) {
    if (!fleet_cbor_next(&r, &item)) exit(2);
    if (item.major == cbor_bytes || item.major == cbor_text) {
      fleet_cbor_string(&w, item.major, item.data, (uint32_t)item.value);
    } else {
      fleet_cbor_head(&w, item.major, item.value);
    }
  }
  const bool same = !w.overflow && w.used == n && memcmp(again, bytes, n) == 0;
  free(again);
  return same;
}

static bool expect(fleet_cbor_reader_t *r, uint32_t major, fleet_cbor_item_t *item) {
  return fleet_cbor_next(r, item) && item->major == major;
}

// As the agent's templates, but for where payload and key id stand: tag 18, the algorithm in the protected header.
static bool sign1(const uint8_t *bytes, uint32_t n) {
  typedef struct {
    fleet_cbor_span_t algorithm;
  } header_t;
  static const fleet_cbor_row_t rows[] = {{1, cbor_row_item, 0, 0, 0}};
  fleet_cbor_reader_t r;
  fleet_cbor_item_t item, header, payload, signature, algorithm;
  header_t fields;
  fleet_cbor_reader_init(&r, bytes, n);
  if (!expect(&r, cbor_tag, &item) || item.value != 18 || !expect(&r, cbor_array, &item) || item.value != 4 ||
      !expect(&r, cbor_bytes, &header) || !fleet_cbor_skip(&r) || !expect(&r, cbor_bytes, &payload) ||
      !expect(&r, cbor_bytes, &signature) || r.at != r.end || signature.value != 64) {
    return false;
  }
  memset(&fields, 0, sizeof fields);
  const fleet_cbor_span_t protected_header = {header.data, (uint32_t)header.value};
  if ((fleet_cbor_read_map(protected_header, FLEET_CBOR_ROWS(rows), &fields) & 2) == 0) return false;
  fleet_cbor_reader_init(&r, fields.algorithm.at, fields.algorithm.n);
  if (!expect(&r, cbor_nint, &algorithm)) return false;
  static const fleet_agent_config_t config;
  static fleet_agent_t agent;
  agent.config = &config;
  const fleet_cose_t cose = {.protected_header = protected_header, .payload = {payload.data, (uint32_t)payload.value}};
  uint8_t structure[fleet_cose_structure_bytes];
  const uint32_t used = fleet_cose_structure(&agent, &cose, "Signature1", structure);
  if (used == 0) return false;
  printf("%lld ", -1 - (long long)algorithm.value);
  print_hex(structure, used, " ");
  print_hex(signature.data, 64, "\n");
  return true;
}

int main(void) {
  static char line[1 << 18];
  while (fgets(line, sizeof line, stdin) != NULL) {
    const char *kind = strtok(line, " \n");
    const char *texts[2] = {strtok(NULL, " \n"), strtok(NULL, " \n")};
    uint32_t n[2] = {0, 0};
    uint8_t *bytes[2] = {NULL, NULL};
    if (kind == NULL || texts[0] == NULL) return 2;
    for (uint32_t i = 0; i < 2 && texts[i] != NULL; i++) bytes[i] = unhex(texts[i], &n[i]);
    if (strcmp(kind, "cbor") == 0) {
      printf("%d\n", same_again(bytes[0], n[0]));
    } else if (strcmp(kind, "hmac") == 0) {
      uint8_t mac[32];
      fleet_hmac_sha256(bytes[0], n[0], bytes[1], n[1], mac);
      print_hex(mac, sizeof mac, "\n");
    } else if (!sign1(bytes[0], n[0])) {
      printf("refused\n");
    }
    for (uint32_t i = 0; i < 2; i++) free(bytes[i]);
  }
  return 0;
}
