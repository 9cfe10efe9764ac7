// Writing a factory image's records. A file of its own: firmware in the field does not link it.
#include <string.h>

#include "agent.h"

int32_t fleet_agent_provision(fleet_agent_t *a, const fleet_platform_t *platform, const fleet_agent_config_t *config,
                              const fleet_factory_image_t *image) {
  if (image->slot >= fleet_agent_slots(config) || image->bytes == 0 || image->bytes > config->slot_bytes) {
    return -(int32_t)fleet_err_agent_argument_invalid;
  }
  const int32_t opened = fleet_agent_open(a, platform, config);
  if (opened < 0) return opened;
  fleet_persist_t *p = &a->persist;
  fleet_slot_record_t *slot = &p->slots[image->slot];
  memset(slot, 0, sizeof *slot);
  memcpy(slot->digest, image->digest, sizeof slot->digest);
  slot->sequence = image->sequence;
  slot->bytes = image->bytes;
  slot->state = FLEET_SLOT_STATE_ACTIVE;
  p->update.active_slot = p->update.target_slot = (uint8_t)image->slot;
  p->highest_sequence = image->sequence;
  p->update.state = FLEET_UPDATE_STATE_ACTIVE;
  return fleet_records_save(&a->records, p);
}
