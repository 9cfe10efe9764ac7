// The record log and the telemetry ring alone, over every program unit and both erased values, with cuts at every operation.
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

#include "../src/summary.h"
#include "test.h"
#include "world.h"

enum { sector = 1024, sectors = 6 };

// What an operation that answers an error has done. `dead`: nothing, and neither does any behind it.
typedef enum { fault_nothing, fault_half, fault_all, fault_dead, faults } fault_t;

typedef struct {
  uint8_t bytes[sector * sectors];
  uint8_t used[sector * sectors]; // per byte: programmed since the erase
  uint32_t unit;
  uint8_t erased;
  int64_t operations;
  int64_t cut_at;
  cut_t mode;
  uint32_t random;
  int64_t fail_at; // operation that answers an error; -1 = none
  fault_t fault;
  uint32_t erases;
  uint32_t breaches;
  jmp_buf cut;
} chip_t;

static chip_t chip;

static int32_t chip_read(void *user, uint32_t offset, void *dst, uint32_t n) {
  (void)user;
  CHECK(offset <= sizeof chip.bytes && n <= sizeof chip.bytes - offset);
  memcpy(dst, chip.bytes + offset, n);
  return 0;
}

static bool fails(void) {
  return chip.fail_at >= 0 && (chip.operations == chip.fail_at || (chip.fault == fault_dead && chip.operations > chip.fail_at));
}

// How many of `n` bytes an operation changes.
static uint32_t reached(bool failing, uint32_t n) {
  return !failing || chip.fault == fault_all ? n : chip.fault == fault_half ? n / 2 : 0;
}

static int32_t chip_program(void *user, uint32_t offset, const void *src, uint32_t n) {
  (void)user;
  CHECK(offset % chip.unit == 0 && n % chip.unit == 0 && n != 0 && offset + n <= sizeof chip.bytes);
  const bool failing = fails();
  const bool cut = chip.operations++ == chip.cut_at;
  if (cut && chip.mode == cut_before) longjmp(chip.cut, 1);
  for (uint32_t i = 0; i < reached(failing, n); i++) {
    chip.breaches += chip.used[offset + i];
    const bool skip = cut && chip.mode == cut_torn && (fleet_xorshift32(&chip.random) & 0x10000) != 0;
    // A cut that left no trace in a byte cannot be told from one before it (docs/spec/flash.md, residual risk).
    if (skip) continue;
    chip.used[offset + i] = 1;
    chip.bytes[offset + i] = ((const uint8_t *)src)[i];
  }
  if (cut) longjmp(chip.cut, 1);
  return failing ? -1 : 0;
}

static int32_t chip_erase(void *user, uint32_t offset) {
  (void)user;
  CHECK(offset % sector == 0 && offset < sizeof chip.bytes);
  const bool failing = fails();
  const bool cut = chip.operations++ == chip.cut_at;
  if (cut && chip.mode == cut_before) longjmp(chip.cut, 1);
  chip.erases++;
  for (uint32_t i = 0; i < reached(failing, sector); i++) {
    const bool torn = cut && chip.mode == cut_torn;
    chip.bytes[offset + i] = torn && (fleet_xorshift32(&chip.random) & 0x10000) != 0 ? (uint8_t)i : chip.erased;
    chip.used[offset + i] = torn;
  }
  if (cut) longjmp(chip.cut, 1);
  return failing ? -1 : 0;
}

static const fleet_platform_t platform = {
    .flash_read = chip_read, .flash_program = chip_program, .flash_erase = chip_erase};

static void blank(uint32_t unit, uint8_t erased) {
  memset(&chip, 0, sizeof chip);
  memset(chip.bytes, erased, sizeof chip.bytes);
  chip.unit = unit;
  chip.erased = erased;
  chip.cut_at = chip.fail_at = -1;
  chip.random = 99;
}

static fleet_flash_geometry_t geometry(void) {
  return (fleet_flash_geometry_t){sizeof chip.bytes, sector, chip.unit, chip.erased};
}

static fleet_flash_t flash;

static void open_flash(void) { flash = (fleet_flash_t){&platform, geometry(), 0}; }

static void open_records(fleet_records_t *records, fleet_persist_t *state) {
  memset(records, 0, sizeof *records);
  open_flash();
  fleet_records_open(records, &flash, state);
}

static void should_keep_the_newest_state_over_many_sectors(void) {
  static const uint32_t units[] = {1, 2, 4, 8, 16, 32};
  for (uint32_t u = 0; u < 12; u++) {
    blank(units[u % 6], u < 6 ? 0xff : 0);
    fleet_records_t records;
    fleet_persist_t state;
    open_records(&records, &state);
    CHECK_EQUAL(state.update.active_slot, FLEET_NO_SLOT);
    for (uint32_t i = 1; i <= 300; i++) {
      state.fetched = i;
      if (i % 7 == 0) state.slots[1].bytes = i; // far apart fields in one record
      CHECK_EQUAL(fleet_records_save(&records, &state), 0);
      if (i % 13 == 0) {
        fleet_persist_t back;
        open_records(&records, &back);
        CHECK(memcmp(&back, &state, sizeof back) == 0);
      }
    }
    CHECK_EQUAL(chip.breaches, 0);
    CHECK(chip.erases < 60);
    const int64_t operations = chip.operations;
    CHECK_EQUAL(fleet_records_save(&records, &state), 0);
    CHECK_EQUAL(chip.operations, operations); // nothing changed, nothing written
  }
}

// After a cut inside save number k the state is that of k - 1 or of k, and saving goes on.
static void should_read_the_old_or_the_new_state_after_a_cut(void) {
  static uint32_t u, mode; // static: they live across setjmp
  static int64_t at;
  for (u = 4; u <= 32; u *= 8) {
    for (mode = cut_before; mode <= cut_after; mode++) {
      for (at = 0; at < 220; at++) {
        blank(u, 0xff);
        chip.cut_at = at;
        chip.mode = (cut_t)mode;
        chip.random = (uint32_t)at * 77 + 1;
        static fleet_records_t records;
        static fleet_persist_t state;
        static volatile uint32_t saved;
        saved = 0;
        if (setjmp(chip.cut) == 0) {
          open_records(&records, &state);
          for (uint32_t i = 1; i <= 60; i++) {
            state.fetched = i;
            state.deployment = i;
            CHECK_EQUAL(fleet_records_save(&records, &state), 0);
            saved = i;
          }
        }
        chip.cut_at = -1;
        fleet_persist_t back;
        open_records(&records, &back);
        CHECK(back.fetched == saved || back.fetched == saved + 1);
        CHECK_EQUAL(back.fetched, back.deployment);
        for (uint32_t i = 100; i < 140; i++) {
          back.fetched = i;
          CHECK_EQUAL(fleet_records_save(&records, &back), 0);
        }
        fleet_persist_t last;
        open_records(&records, &last);
        CHECK_EQUAL(last.fetched, 139);
        CHECK_EQUAL(chip.breaches, 0);
      }
    }
  }
}

static void should_start_over_and_say_so_when_both_sectors_are_damaged(void) {
  blank(4, 0xff);
  for (uint32_t i = 0; i < 2 * sector; i++) chip.bytes[i] = (uint8_t)(i * 31);
  fleet_records_t records;
  fleet_persist_t state;
  open_records(&records, &state);
  CHECK_EQUAL(flash.errors, 1);
  CHECK_EQUAL(state.boot_counter, 0);
  CHECK_EQUAL(fleet_records_save(&records, &state), 0);
  open_records(&records, &state);
  CHECK_EQUAL(flash.errors, 0);
}

static void should_read_the_records_of_a_newer_firmware_that_was_tried(void) {
  enum { appended = 40 };
  static const uint16_t snapshot = 0x01a5, patch = 0x02a5;
  fleet_records_t records;
  union {
    fleet_persist_t state;
    uint8_t bytes[sizeof(fleet_persist_t) + appended];
  } newer;
  fleet_persist_t state;
  for (uint32_t i = 0; i < 2; i++) {
    blank(4, 0xff);
    memset(&newer, 0x55, sizeof newer);
    open_records(&records, &state);
    newer.state.highest_sequence = 7;
    newer.state.floor = 5;
    CHECK_EQUAL(fleet_record_write(&flash, 0, snapshot, 1, newer.bytes, sizeof newer), 0);
    const uint32_t end = fleet_record_size(&flash, sizeof newer);
    // One patch of fields that are not known here, one that begins among those that are.
    const uint32_t from = i == 0 ? (uint32_t)sizeof state : offsetof(fleet_persist_t, highest_sequence);
    newer.state.highest_sequence = 8;
    CHECK_EQUAL(fleet_record_write(&flash, end, patch, from, newer.bytes + from, (uint32_t)sizeof newer - from), 0);
    open_records(&records, &state);
    CHECK_EQUAL(state.highest_sequence, 7 + i);
    CHECK_EQUAL(state.floor, 5);
    CHECK_EQUAL(state.keys[1].bytes[3], 0x55);
    state.floor = 6;
    CHECK_EQUAL(fleet_records_save(&records, &state), 0);
    open_records(&records, &state);
    CHECK_EQUAL(state.highest_sequence, 7 + i);
    CHECK_EQUAL(state.floor, 6);
    CHECK_EQUAL(chip.breaches, 0);
  }
}

static void open_ring(fleet_ring_t *ring) {
  memset(ring, 0, sizeof *ring);
  open_flash();
  fleet_ring_open(ring, &flash, 2 * sector, 4 * sector);
}

static void push_number(fleet_ring_t *ring, uint32_t value) {
  uint8_t record[100];
  memset(record, (int)value, sizeof record);
  memcpy(record, &value, 4);
  CHECK(fleet_ring_push(ring, record, 60 + value % 40));
}

// The number of the oldest record, after checking its bytes; 0 when there is none.
static uint32_t peek_number(fleet_ring_t *ring) {
  uint8_t record[100];
  uint32_t value;
  const uint32_t n = fleet_ring_peek(ring, record, sizeof record);
  if (n == 0) return 0;
  memcpy(&value, record, 4);
  CHECK_EQUAL(n, 60 + value % 40);
  for (uint32_t i = 4; i < n; i++) CHECK_EQUAL(record[i], (uint8_t)value);
  return value;
}

static void should_give_windows_back_in_order_and_over_reboots(void) {
  for (uint32_t unit = 1; unit <= 32; unit *= 2) {
    blank(unit, unit == 8 ? 0 : 0xff);
    fleet_ring_t ring;
    open_ring(&ring);
    CHECK_EQUAL(peek_number(&ring), 0);
    uint32_t next_in = 1;
    uint32_t next_out = 1;
    uint32_t seed = 5;
    for (uint32_t round = 0; round < 400; round++) {
      const uint32_t dice = fleet_xorshift32(&seed) % 8;
      if (dice < 4 && next_in - next_out < 12) {
        push_number(&ring, next_in++);
      } else if (dice < 7 && next_out < next_in) {
        CHECK_EQUAL(peek_number(&ring), next_out);
        fleet_ring_pop(&ring);
        next_out++;
      } else {
        open_ring(&ring);
      }
      CHECK_EQUAL(ring.pending, next_in - next_out);
    }
    CHECK_EQUAL(ring.lost, 0);
    CHECK_EQUAL(chip.breaches, 0);
  }
}

static void should_give_up_the_oldest_and_count_them_when_full(void) {
  blank(4, 0xff);
  fleet_ring_t ring;
  open_ring(&ring);
  for (uint32_t i = 1; i <= 200; i++) push_number(&ring, i);
  CHECK(ring.lost > 100);
  CHECK_EQUAL(ring.lost + ring.pending, 200);
  const uint32_t first = peek_number(&ring);
  CHECK_EQUAL(first, ring.lost + 1);
  open_ring(&ring);
  for (uint32_t expected = first; expected <= 200; expected++) {
    CHECK_EQUAL(peek_number(&ring), expected);
    fleet_ring_pop(&ring);
  }
  CHECK_EQUAL(peek_number(&ring), 0);
}

static void should_take_nothing_without_two_sectors_or_for_what_does_not_fit(void) {
  blank(4, 0xff);
  fleet_ring_t ring;
  memset(&ring, 0, sizeof ring);
  open_flash();
  fleet_ring_open(&ring, &flash, 2 * sector, sector);
  uint8_t record[sector] = {0};
  CHECK(!fleet_ring_push(&ring, record, 8));
  open_ring(&ring);
  // Sector head 12 bytes, record head 12, delivery mark 4.
  CHECK(!fleet_ring_push(&ring, record, sector - 12 - 12 - 4 + 1));
  CHECK(fleet_ring_push(&ring, record, sector - 12 - 12 - 4));
}

// Whatever is cut, records that were there stay there (or are given twice), in order, and the ring goes on.
static void should_lose_no_delivered_order_to_a_power_cut(void) {
  static uint32_t mode;
  static int64_t at;
  for (mode = cut_before; mode <= cut_after; mode++) {
    for (at = 0; at < 260; at++) {
      blank(4, 0xff);
      chip.cut_at = at;
      chip.mode = (cut_t)mode;
      chip.random = (uint32_t)at * 131 + 7;
      static fleet_ring_t ring;
      static volatile uint32_t in, out;
      in = out = 0;
      if (setjmp(chip.cut) == 0) {
        open_ring(&ring);
        for (uint32_t i = 1; i <= 60; i++) {
          push_number(&ring, i);
          in = i;
          if (i > 5) {
            fleet_ring_pop(&ring);
            out = i - 5;
          }
        }
      }
      chip.cut_at = -1;
      open_ring(&ring);
      uint32_t expected = peek_number(&ring);
      // A delivery mark that was cut may count or not; one torn in a push that never returned may be there.
      CHECK(in == 0 || out >= in || expected == out + 1 || expected == out + 2);
      for (; ring.pending != 0; expected++) {
        CHECK_EQUAL(peek_number(&ring), expected);
        fleet_ring_pop(&ring);
      }
      CHECK(expected == 0 || expected - 1 == in || expected - 2 == in);
      push_number(&ring, 77);
      CHECK_EQUAL(peek_number(&ring), 77);
      CHECK_EQUAL(chip.breaches, 0);
    }
  }
}

// ---- merged windows --------------------------------------------------------------------------------------------------

enum { ring_windows = 70, cells = 192 };

// Window i of a boot: one inference, in cell i.
static bool push_window(fleet_ring_t *ring, uint32_t i, uint64_t boot_id) {
  uint8_t message[512];
  fleet_window_t window;
  memset(&window, 0, sizeof window);
  window.boot_id = boot_id;
  window.classes = 24;
  window.bins = 8;
  window.battery = 127;
  window.sequence = window.first_index = i;
  window.length_ms = 1000;
  window.end_ms = 1000 * (i + 1);
  window.n = 1;
  window.counts[i] = 1;
  fleet_cbor_writer_t w = {message, sizeof message, 0, false};
  fleet_cbor_head(&w, cbor_map, 2);
  fleet_cbor_field(&w, FLEET_ENVELOPE_COMPONENT, FLEET_COMPONENT_MODEL);
  fleet_cbor_key(&w, FLEET_TELEMETRY_PACKED);
  fleet_summary_put(&w, &window);
  return fleet_ring_push(ring, message, w.used);
}

// Takes everything out and adds it up; `again` counts windows whose number was there before, which are left out.
static fleet_window_t drain(fleet_ring_t *ring, uint32_t *windows, uint32_t *again) {
  fleet_window_t all;
  bool seen[ring_windows] = {false};
  memset(&all, 0, sizeof all);
  *windows = *again = 0;
  while (ring->pending != 0) {
    uint8_t message[512];
    fleet_window_t window;
    const uint32_t n = fleet_ring_peek(ring, message, sizeof message);
    CHECK(n > 4);
    fleet_summary_clear(&window);
    const uint32_t head = 4 + (message[4] == 0x59 ? 3u : 2u);
    CHECK(fleet_summary_add(&window, message + head, n - head));
    CHECK(window.sequence < ring_windows);
    fleet_ring_pop(ring);
    if (seen[window.sequence]) {
      (*again)++;
      continue;
    }
    seen[window.sequence] = true;
    *windows += window.merged + 1u;
    for (uint32_t c = 0; c < cells; c++) all.counts[c] = (uint16_t)(all.counts[c] + window.counts[c]);
  }
  return all;
}

static void should_merge_windows_when_full_and_lose_none(void) {
  for (uint32_t unit = 1; unit <= 32; unit *= 2) {
    blank(unit, unit == 8 ? 0 : 0xff);
    fleet_ring_t ring;
    open_ring(&ring);
    for (uint32_t i = 0; i < ring_windows; i++) CHECK(push_window(&ring, i, 1));
    CHECK_EQUAL(ring.lost, 0);
    CHECK(ring.merged > 20);
    CHECK_EQUAL(ring.pending + ring.merged, ring_windows);
    open_ring(&ring); // a boot sees the same
    uint32_t windows, again;
    const fleet_window_t all = drain(&ring, &windows, &again);
    CHECK_EQUAL(windows, ring_windows);
    CHECK_EQUAL(again, 0);
    for (uint32_t i = 0; i < ring_windows; i++) CHECK_EQUAL(all.counts[i], 1);
    CHECK_EQUAL(chip.breaches, 0);
  }
}

static void should_count_windows_that_cannot_be_merged(void) {
  blank(4, 0xff);
  fleet_ring_t ring;
  open_ring(&ring);
  for (uint32_t i = 0; i < ring_windows; i++) CHECK(push_window(&ring, i, i)); // each of its own boot
  CHECK_EQUAL(ring.merged, 0);
  CHECK(ring.lost > 10);
  CHECK_EQUAL(ring.pending + ring.lost, ring_windows);
}

// One that was sent, but whose acknowledgement did not come, keeps its own number whatever happens behind it.
static void should_never_merge_a_window_that_may_have_been_delivered(void) {
  blank(4, 0xff);
  fleet_ring_t ring;
  open_ring(&ring);
  uint8_t message[512], first[512];
  CHECK(push_window(&ring, 0, 1));
  CHECK(fleet_ring_peek(&ring, first, sizeof first) != 0);
  for (uint32_t i = 1; i < ring_windows; i++) CHECK(push_window(&ring, i, 1));
  CHECK(ring.merged > 20);
  bool whole = false;
  while (ring.pending != 0) {
    const uint32_t n = fleet_ring_peek(&ring, message, sizeof message);
    whole = whole || memcmp(message, first, n) == 0;
    fleet_ring_pop(&ring);
  }
  CHECK(whole);
}

// A cut anywhere: every window that a push has taken is there once, none twice, and the ring goes on.
static void should_lose_and_double_no_window_to_a_power_cut(void) {
  static uint32_t mode;
  static int64_t at;
  for (mode = cut_before; mode <= cut_after; mode++) {
    static bool reached;
    reached = true;
    for (at = 0; reached; at++) {
      blank(4, 0xff);
      chip.cut_at = at;
      chip.mode = (cut_t)mode;
      chip.random = (uint32_t)at * 131 + 7;
      static fleet_ring_t ring;
      static volatile uint32_t in, lost;
      in = lost = 0;
      if (setjmp(chip.cut) == 0) {
        open_ring(&ring);
        for (uint32_t i = 0; i < ring_windows - 12; i++) {
          CHECK(push_window(&ring, i, 1));
          in = i + 1;
        }
        reached = false;
      }
      CHECK_EQUAL(ring.lost, 0);
      chip.cut_at = -1;
      open_ring(&ring);
      // Half of the time more windows come first, so that what was cut is made again.
      const uint32_t more = at % 2 == 0 ? 0 : 10;
      for (uint32_t i = 0; i < more; i++) CHECK(push_window(&ring, in + 1 + i, 1));
      lost = ring.lost;
      uint32_t windows, again;
      const fleet_window_t all = drain(&ring, &windows, &again);
      uint32_t missing = 0;
      for (uint32_t i = 0; i < in + more + (more != 0); i++) {
        CHECK(all.counts[i] <= 1);
        if (i != in) missing += all.counts[i] == 0; // the one under way is there or not
      }
      CHECK(missing <= lost);
      CHECK_EQUAL(chip.breaches, 0);
    }
  }
}

// What the platform has of the windows: one that comes again under its number and start is dropped.
typedef struct {
  bool seen[ring_windows][ring_windows];
  uint32_t counts[ring_windows];
} received_t;

static void deliver(fleet_ring_t *ring, received_t *to) {
  uint8_t message[512];
  fleet_window_t window;
  const uint32_t n = fleet_ring_peek(ring, message, sizeof message);
  if (n == 0) return; // given up
  fleet_summary_clear(&window);
  const uint32_t head = 4 + (message[4] == 0x59 ? 3u : 2u);
  CHECK(fleet_summary_add(&window, message + head, n - head));
  CHECK(window.sequence < ring_windows && window.first_index < ring_windows);
  fleet_ring_pop(ring);
  if (to->seen[window.sequence][window.first_index]) return;
  to->seen[window.sequence][window.first_index] = true;
  for (uint32_t c = 0; c < ring_windows; c++) to->counts[c] += window.counts[c];
}

// Flash that answers an error, at each operation of a ring that fills, merges and delivers: no window counts twice, those that are
// not there are counted as lost, and none waits unseen for the next boot.
static void should_lose_uncounted_and_double_no_window_to_a_fault(void) {
  for (uint32_t unit = 1; unit <= 32; unit *= 8) {
    for (uint32_t fault = 0; fault < faults; fault++) {
      bool met = true;
      for (int64_t at = 0; met; at += unit == 1 ? 1 : 2) {
        static received_t received;
        memset(&received, 0, sizeof received);
        blank(unit, 0xff);
        chip.fault = (fault_t)fault;
        chip.fail_at = at;
        fleet_ring_t ring;
        open_ring(&ring);
        uint32_t lost = 0;
        for (uint32_t i = 0; i < ring_windows - 8; i++) {
          lost += !push_window(&ring, i, 1);
          if (i % 6 == 5) deliver(&ring, &received);
        }
        met = chip.operations > at;
        chip.fail_at = -1;
        // A third goes on without a boot, one with it, one fills again behind it. Not behind flash that took no delivery mark at all
        // (docs/spec/flash.md, residual risk).
        const bool refills = at % 3 == 2 && fault != fault_dead;
        if (at % 3 == 0) {
          while (ring.pending != 0) deliver(&ring, &received);
        }
        lost += ring.lost;
        open_ring(&ring);
        if (at % 3 == 0 && fault != fault_dead) CHECK(ring.pending <= 1); // its mark failed: it is sent again
        if (refills) {
          for (uint32_t i = ring_windows - 8; i < ring_windows; i++) lost += !push_window(&ring, i, 1);
        }
        while (ring.pending != 0) deliver(&ring, &received);
        lost += ring.lost;
        uint32_t missing = 0;
        for (uint32_t i = 0; i < (refills ? ring_windows : ring_windows - 8u); i++) {
          CHECK(received.counts[i] <= 1);
          missing += received.counts[i] == 0;
        }
        CHECK(missing <= lost);
        CHECK_EQUAL(chip.breaches, 0);
      }
    }
  }
}

const test_t flash_tests[] = {
    {"should keep the newest state over many sectors", should_keep_the_newest_state_over_many_sectors},
    {"should read the old or the new state after a cut", should_read_the_old_or_the_new_state_after_a_cut},
    {"should read the records of a newer firmware that was tried", should_read_the_records_of_a_newer_firmware_that_was_tried},
    {"should start over and say so when both sectors are damaged",
     should_start_over_and_say_so_when_both_sectors_are_damaged},
    {"should give windows back in order and over reboots", should_give_windows_back_in_order_and_over_reboots},
    {"should give up the oldest and count them when full", should_give_up_the_oldest_and_count_them_when_full},
    {"should take nothing without two sectors or for what does not fit",
     should_take_nothing_without_two_sectors_or_for_what_does_not_fit},
    {"should lose no delivered order to a power cut", should_lose_no_delivered_order_to_a_power_cut},
    {"should merge windows when full and lose none", should_merge_windows_when_full_and_lose_none},
    {"should count windows that cannot be merged", should_count_windows_that_cannot_be_merged},
    {"should never merge a window that may have been delivered", should_never_merge_a_window_that_may_have_been_delivered},
    {"should lose uncounted and double no window to a fault", should_lose_uncounted_and_double_no_window_to_a_fault},
    {"should lose and double no window to a power cut", should_lose_and_double_no_window_to_a_power_cut},
    {NULL, NULL},
};
