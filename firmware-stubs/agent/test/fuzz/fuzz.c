// See fuzz.h.
#include "fuzz.h"

world_t world;

static world_t stage[stages];
static bundle_t bundle[bundles];
static bool made;

uint8_t take_u8(input_t *input) {
  if (input->left == 0) return 0;
  input->left--;
  return *input->at++;
}

uint32_t take_u32(input_t *input, uint32_t bytes) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < bytes; i++) value |= (uint32_t)take_u8(input) << (8 * i);
  return value;
}

uint32_t take_bytes(input_t *input, const uint8_t **bytes, uint32_t n) {
  if (n > input->left) n = input->left;
  *bytes = input->at;
  input->at += n;
  input->left -= n;
  return n;
}

uint8_t *copy_of(const uint8_t *bytes, uint32_t n) {
  uint8_t *copy = malloc(n == 0 ? 1 : n);
  HOLDS(copy != NULL);
  if (n != 0) memcpy(copy, bytes, n);
  return copy;
}

const bundle_t *bundle_of(uint32_t index) { return &bundle[index % bundles]; }

static void make_stages(void) {
  made = true;
  make_bundle(&bundle[0], 1, 2, false);
  make_monitored_bundle(&bundle[1], 2, 2);
  make_bundle(&bundle[2], 3, 2, true); // its golden vector fails
  for (uint32_t i = 0; i < stages; i++) {
    world_init(&world);
    HOLDS(world_boot(&world, FLEET_RESET_CAUSE_POWER_ON));
    if (i != stage_empty) {
      world.bundle = &bundle[0];
      world.release = release_of(10);
      world.release.soak_s = 5;
      world.deployment = 1;
    }
    if (i == stage_fetching) world.disconnect_after = 3;
    HOLDS(world_run(&world, i == stage_active ? 40 : 4));
    if (i == stage_fetching) {
      world.unreachable = false;
      world.drop_wants = true;
      HOLDS(world_run(&world, 10));
      HOLDS(world.agent.fetching && world.agent.session && world.agent.next_offset != 0);
    }
    if (i == stage_active) HOLDS(world.agent.running && world.agent.session);
    stage[i] = world;
  }
}

void start_at(uint32_t which) {
  if (!made) make_stages();
  world = stage[which % stages];
  if (world.bundle == NULL) world.bundle = &bundle[0];
}

static int32_t trust(void *user, uint32_t alg, const uint8_t *key, uint32_t key_bytes, const uint8_t *message, uint32_t n,
                     const uint8_t *signature, uint32_t signature_bytes) {
  (void)user, (void)alg, (void)key, (void)key_bytes, (void)message, (void)n, (void)signature, (void)signature_bytes;
  return 0;
}

void trust_everybody(void) { world.platform.verify = trust; }

void check_world(void) {
  const fleet_agent_t *a = &world.agent;
  const fleet_persist_t *p = &a->persist;
  HOLDS(p->update.active_slot == FLEET_NO_SLOT || p->update.active_slot < 2);
  HOLDS(p->update.target_slot < 2);
  HOLDS(p->slots[0].bytes <= world_slot_bytes && p->slots[1].bytes <= world_slot_bytes);
  HOLDS(a->note_count <= FLEET_NOTES && a->note_first < FLEET_NOTES && a->queue_used <= FLEET_QUEUE_BYTES);
  HOLDS(a->mqtt.rx_used <= FLEET_MQTT_RX_BYTES && a->mqtt.ctl_used <= FLEET_MQTT_CTL_BYTES);
  if (a->fetching) HOLDS(a->next_offset <= p->slots[p->update.target_slot].bytes);
  HOLDS(world.rule_breaches == 0);
  if (a->running) {
    const fleet_slot_record_t *slot = &p->slots[a->model_slot];
    fleet_sha256_t sha;
    uint8_t digest[32];
    fleet_sha256_init(&sha);
    fleet_sha256_update(&sha, world.flash + fleet_agent_slot_offset(&world.config, a->model_slot), slot->bytes);
    fleet_sha256_final(&sha, digest);
    HOLDS(memcmp(digest, slot->digest, 32) == 0);
  }
}
