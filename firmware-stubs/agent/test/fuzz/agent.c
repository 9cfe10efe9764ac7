// Fuzz target: a hostile broker against the whole agent. The input is a list of moves: raw bytes on the stream, down messages with
// any payload, true messages bent in places, time, lost connections, reboots. See fuzz.h for where it starts.
#include "fuzz.h"

enum {
  move_raw = 0, // bytes as they are
  move_desired,
  move_chunk,
  move_ask,
  move_unknown_topic,
  move_release, // a signed release of the platform, then bytes of it bent
  move_next_chunk,
  move_time,
  move_disconnect,
  move_reboot,
  move_conditions, // of the link, the sensor and the flash
  moves,
};

static bool room_for(uint32_t n) { return world.to_device_n + n + 256 < world_pipe_bytes; }

static void run(uint32_t seconds) {
  (void)world_run(&world, seconds);
  check_world();
}

// Changes a few of the bytes that were put on the stream last.
static void bend(input_t *input, uint32_t from) {
  for (uint32_t changes = take_u8(input) % 4; changes != 0 && world.to_device_n > from; changes--) {
    const uint32_t at = from + take_u32(input, 2) % (world.to_device_n - from);
    world.to_device[at] = (uint8_t)(world.to_device[at] ^ take_u8(input));
  }
}

static void send_release(input_t *input) {
  world.bundle = bundle_of(take_u8(input));
  world.release = release_of(take_u8(input));
  world.release.floor = take_u8(input) % 32;
  world.release.soak_s = take_u8(input) % 16;
  const uint32_t flags = take_u8(input);
  world.release.supersede = flags & 3;
  world.release.allow_downgrade = (flags & 4) != 0;
  world.release.wrong_signature = (flags & 8) != 0;
  world.release.latency_us = (flags & 16) != 0 ? 1 + take_u8(input) : 0;
  world.deployment = flags >> 6;
  world.revision++;
  world.chunk_bytes = (flags & 32) != 0 ? take_u32(input, 2) : 0;
  if (!room_for(1400)) return;
  const uint32_t from = world.to_device_n;
  world_send_desired(&world);
  bend(input, from);
}

static void send_next_chunk(input_t *input) {
  const bundle_t *b = world.bundle;
  uint8_t payload[1500];
  const uint32_t next = world.agent.next_offset + (take_u8(input) % 8 == 0 ? take_u32(input, 2) : 0);
  const uint32_t size = world.agent.chunk_bytes == 0 || world.agent.chunk_bytes > 1300 ? 1024 : world.agent.chunk_bytes;
  if (next >= b->n || !room_for(size)) return;
  const uint32_t n = b->n - next < size ? b->n - next : size;
  fleet_cbor_writer_t w = {payload, sizeof payload, 0, false};
  fleet_cbor_head(&w, cbor_map, 4);
  fleet_cbor_field_bytes(&w, FLEET_CHUNK_TRANSFER, b->digest, 8);
  fleet_cbor_field(&w, FLEET_CHUNK_OFFSET, next);
  fleet_cbor_field_bytes(&w, FLEET_CHUNK_DATA, b->bytes + next, n);
  fleet_cbor_field(&w, FLEET_CHUNK_CRC32, fleet_crc32(0, b->bytes + next, n));
  const uint32_t from = world.to_device_n;
  world_send(&world, "chunk", payload, w.used, 0);
  bend(input, from);
}

static void set_conditions(input_t *input) {
  const uint32_t flags = take_u8(input);
  world.read_limit = (flags & 1) != 0 ? 1 + take_u8(input) : 0;
  world.write_limit = (flags & 2) != 0 ? 1 + take_u8(input) : 0;
  world.hold_acks = (flags & 4) != 0;
  world.drop_wants = (flags & 8) != 0;
  world.sample_result = (int32_t)(flags >> 4 & 3) - 1;
  world.moved = (flags & 64) != 0;
  if ((flags & 128) != 0) world.fail_at = world.operations + take_u8(input);
}

static void make_move(input_t *input) {
  static const char *const topics[] = {[move_desired] = "desired", [move_chunk] = "chunk", [move_ask] = "ask", [move_unknown_topic] = "x"};
  const uint32_t move = take_u8(input) % moves;
  const uint8_t *bytes;
  uint32_t n;
  switch (move) {
    case move_raw:
      n = take_bytes(input, &bytes, take_u32(input, 2) % 2048);
      if (!room_for(n)) return;
      memcpy(world.to_device + world.to_device_n, bytes, n);
      world.to_device_n += n;
      return;
    case move_desired:
    case move_chunk:
    case move_ask:
    case move_unknown_topic:
      n = take_bytes(input, &bytes, take_u32(input, 2) % 1700);
      if (room_for(n)) world_send(&world, topics[move], bytes, n, take_u8(input) & 1);
      return;
    case move_release:
      send_release(input);
      return;
    case move_next_chunk:
      send_next_chunk(input);
      return;
    case move_time:
      run(1 + take_u8(input) % 130);
      return;
    case move_disconnect:
      world.open = false;
      run(2);
      return;
    case move_reboot: {
      static const uint8_t causes[] = {FLEET_RESET_CAUSE_POWER_ON, FLEET_RESET_CAUSE_WATCHDOG, FLEET_RESET_CAUSE_SOFTWARE,
                                       FLEET_RESET_CAUSE_BROWN_OUT};
      world.fail_at = -1;
      HOLDS(world_boot(&world, causes[take_u8(input) & 3]));
      return;
    }
    default:
      set_conditions(input);
      return;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input_t input = {data, (uint32_t)size};
  const uint32_t start = take_u8(&input);
  start_at(start & 3);
  if ((start & 4) != 0) trust_everybody();
  for (uint32_t i = 0; i < 48 && input.left != 0; i++) {
    make_move(&input);
    if (world.message_count > world_messages - 16) world.message_count = 0;
  }
  run(3);
  // It always comes back: to a session, in bounded time, once the broker is itself again.
  world.read_limit = world.write_limit = 0;
  world.hold_acks = false;
  world.fail_at = -1;
  world.message_count = 0;
  run(330);
  HOLDS(world.agent.session);
  return 0;
}
