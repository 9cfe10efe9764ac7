// Start, clocks, randomness, reset, sleep. Each function says what to put there and which call of your SDK does it.
#include "board.h"

void board_start(void) {
  // Clock tree, console, network stack. Start the watchdog last, with BOARD_WATCHDOG_MS.
  //   Zephyr: the kernel has done it; wdt_install_timeout, wdt_setup      ESP-IDF: esp_event_loop_create_default, esp_task_wdt
  //   STM32Cube: HAL_Init, SystemClock_Config, HAL_IWDG_Init              Arduino: Serial.begin, the board's network library
}

uint32_t board_reset_cause(void) {
  // The agent counts resets by watchdog, brown-out and fault against a new model and takes the old one back after three. So
  // tell them apart from a power-on, and note faults: a fault handler writes a word into RAM that survives a reset (or
  // a backup register), resets, and this function reads it.
  //   Zephyr: hwinfo_get_reset_cause, hwinfo_clear_reset_cause            ESP-IDF: esp_reset_reason (PANIC is a fault)
  //   STM32Cube: __HAL_RCC_GET_FLAG, __HAL_RCC_CLEAR_RESET_FLAGS          nRF: NRF_POWER->RESETREAS
  return FLEET_RESET_CAUSE_UNKNOWN;
}

uint64_t board_now_us(void *user) {
  // Microseconds since boot: must not wrap and not go back. Keep the upper half of a 32-bit timer yourself.
  //   Zephyr: k_ticks_to_us_floor64(k_uptime_ticks())     ESP-IDF: esp_timer_get_time
  //   STM32Cube: HAL_GetTick() * 1000, extended            Arduino: micros(), extended
  (void)user;
  return 0;
}

uint32_t board_cycles(void *user) {
  // A free-running counter at BOARD_CLOCK_KHZ; it may wrap.    Cortex-M3 and up: DWT->CYCCNT (enable it in board_start)
  (void)user;
  return 0;
}

void board_entropy(void *user, void *dst, uint32_t n) {
  // Must differ from boot to boot and from device to device: boot ids and back-off are made of it. 4 bytes per boot and per
  // reconnect are asked for. Without a generator mix an ADC's noise with the chip's serial number.
  //   Zephyr: sys_rand_get     ESP-IDF: esp_fill_random     STM32Cube: HAL_RNG_GenerateRandomNumber
  (void)user;
  (void)dst;
  (void)n;
}

void board_reset(void *user) {
  // Does not return.     Cortex-M: NVIC_SystemReset     Zephyr: sys_reboot(SYS_REBOOT_COLD)     ESP-IDF: esp_restart
  (void)user;
  for (;;) continue;
}

void board_watchdog(void *user) {
  // Feeds it. Called between any two steps of a model and once per step of the agent, nowhere else: do not feed it yourself.
  (void)user;
}

int32_t board_battery(void *user) {
  (void)user;
  return -1; // 0 to 100; negative: unknown
}

void board_log(void *user, uint32_t level, const char *text, int32_t value) {
  // Anything from a UART to nothing. `level` is FLEET_LOG_*.
  (void)user;
  (void)level;
  (void)text;
  (void)value;
}

int32_t board_wait(void *user, uint64_t due_us) {
  // Until due_us, or sooner when the network has bytes, takes them again, or has opened. Returning at once is right and
  // costs power; sleeping through received bytes is wrong. Bare metal: WFI with the timer's alarm at due_us.
  //   Zephyr: k_poll or zsock_poll with a time-out     FreeRTOS: ulTaskNotifyTake, notified by the socket's callback
  (void)user;
  (void)due_us;
  return -1; // not 0 ends the program: return 0 when this function waits
}
