// NOR rules for flash that is memory or a file, and the loop around the agent.
#include "fleet_device.h"

// ---- flash ---------------------------------------------------------------------------------------------------------

int32_t fleet_nor_check_program(const fleet_flash_geometry_t *g, const uint8_t *flash, uint32_t offset, uint32_t n) {
  if (offset % g->unit_bytes != 0 || n % g->unit_bytes != 0 || offset > g->bytes || n > g->bytes - offset) return -1;
  for (uint32_t i = 0; i < n; i++)
    if (flash[offset + i] != g->erased) return -1;
  return 0;
}

int32_t fleet_nor_check_erase(const fleet_flash_geometry_t *g, uint32_t offset) {
  return offset % g->sector_bytes == 0 && offset < g->bytes ? 0 : -1;
}

// ---- the loop ------------------------------------------------------------------------------------------------------

int32_t fleet_device_run(fleet_agent_t *agent, const fleet_platform_t *platform, const fleet_agent_config_t *config,
                         fleet_device_wait_t wait) {
  int32_t result = fleet_agent_init(agent, platform, config);
  while (result == 0) result = wait(platform->user, fleet_agent_step(agent));
  return result;
}
