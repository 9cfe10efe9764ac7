// Devices that are present by duty cycle: when they come, what they do while they are there, when they leave.
#include <string.h>

#include "test.h"
#include "world.h"

static world_t w;
static bundle_t one;

// A device that runs a model, comes every ten minutes and ends a window every two.
static void with_sleeper(void) {
  world_init(&w);
  make_bundle(&one, 1, 2, false);
  w.bundle = &one;
  w.release = release_of(2);
  w.release.soak_s = 0;
  w.deployment = 1;
  w.config.duty_cycle_s = 600;
  w.window_s = 120;
  CHECK(world_boot(&w, FLEET_RESET_CAUSE_POWER_ON));
}

// Seconds of `seconds` that it is connected.
static uint32_t connected_for(uint32_t seconds) {
  uint32_t connected = 0;
  for (uint32_t i = 0; i < seconds; i++) {
    CHECK(world_run(&w, 1));
    connected += w.open;
  }
  return connected;
}

static void should_come_at_its_duty_cycle_and_leave_when_all_is_said(void) {
  with_sleeper();
  CHECK(world_run(&w, 60));
  CHECK(w.agent.running); // the transfer and the trial were part of the first contact
  CHECK(!w.open);
  CHECK_EQUAL(w.disconnects, 1);
  const uint32_t opens = w.opens;
  const uint32_t results = w.results;
  const uint32_t connected = connected_for(6000);
  CHECK(w.opens - opens >= 10 && w.opens - opens <= 11); // up to 5 % early
  CHECK_EQUAL(w.disconnects, w.opens);
  CHECK(connected <= 8 * (w.opens - opens));
  CHECK(w.results - results >= 5990); // inference does not sleep
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_RECONNECT), 0);
  CHECK(world_run(&w, 600));
  CHECK(world_count(&w, "telemetry") >= w.agent.windows_made - 5);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_DROPPED), 0);
}

static void should_come_when_the_platform_says(void) {
  with_sleeper();
  w.next_contact_s = 100;
  CHECK(world_run(&w, 60));
  const uint32_t opens = w.opens;
  CHECK(world_run(&w, 1000));
  CHECK(w.opens - opens >= 9 && w.opens - opens <= 11);
  w.next_contact_s = 0; // the next answer lets it go back to its own
  CHECK(world_run(&w, 110));
  const uint32_t later = w.opens;
  CHECK(world_run(&w, 500));
  CHECK_EQUAL(w.opens, later);
}

static void should_not_be_sent_away_for_more_than_a_week(void) {
  enum { week_s = 7 * 86400 };
  static const uint32_t said[] = {week_s - 1, week_s, week_s + 1, UINT32_MAX};
  for (uint32_t i = 0; i < sizeof said / sizeof said[0]; i++) {
    with_sleeper();
    w.next_contact_s = said[i];
    CHECK(world_run(&w, 60));
    CHECK(!w.open);
    const uint64_t away_us = (w.agent.contact_ms - w.agent.uptime_ms) * 1000;
    CHECK(away_us <= (uint64_t)week_s * 1000000 && away_us > (uint64_t)week_s * 1000000 / 100 * 94);
  }
}

static void should_stay_for_a_transfer_that_takes_long(void) {
  with_sleeper();
  w.chunk_bytes = 32;
  w.drop_wants = true;
  CHECK(world_run(&w, 300));
  CHECK(w.open);
  w.drop_wants = false;
  CHECK(world_run(&w, 300));
  CHECK(w.agent.running);
  CHECK(!w.open);
  CHECK_EQUAL(w.opens, 1);
}

static void should_come_early_to_tell_a_state(void) {
  with_sleeper();
  w.release.soak_s = 200;
  CHECK(world_run(&w, 60));
  CHECK(!w.open);
  CHECK_EQUAL(w.agent.update.state, FLEET_UPDATE_STATE_SOAK);
  CHECK(world_run(&w, 200));
  CHECK(world_states(&w, FLEET_UPDATE_STATE_ACTIVE) != 0);
  CHECK_EQUAL(w.opens, 2);
  CHECK(!w.open);
}

static void should_linger_for_what_is_pushed(void) {
  with_sleeper();
  w.config.linger_s = 20;
  w.deployment = 0;
  CHECK(world_run(&w, 15));
  CHECK(w.open);
  static const uint8_t hello[5] = {0xa2, 1, 1, 2, FLEET_COMMAND_SAY_HELLO};
  world_send(&w, "ask", hello, sizeof hello, 1);
  CHECK(world_run(&w, 15));
  CHECK_EQUAL(world_count(&w, "hello"), 2);
  CHECK(w.open); // the answer to that hello is waited for as well
  CHECK(world_run(&w, 15));
  CHECK(!w.open);
}

static void should_try_again_at_the_next_contact_when_nobody_is_there(void) {
  with_sleeper();
  CHECK(world_run(&w, 60));
  w.unreachable = true;
  const uint32_t results = w.results;
  const uint32_t opens = w.opens;
  CHECK(world_run(&w, 6000));
  CHECK(w.opens - opens <= 80); // two minutes of back-off per contact, not a hundred
  CHECK(w.results - results >= 5990);
  w.unreachable = false;
  CHECK(world_run(&w, 700));
  CHECK_EQUAL(fleet_agent_windows_pending(&w.agent) <= 5, 1);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_TELEMETRY_DROPPED), 0);
}

static void should_sleep_for_months(void) {
  with_sleeper();
  CHECK(world_run(&w, 60));
  CHECK_EQUAL(fleet_agent_set_period(&w.agent, UINT64_C(86400000000)), 0);
  w.config.duty_cycle_s = 90 * 86400;
  w.window_s = 86400;
  CHECK(world_run(&w, 610)); // the last contact at ten minutes
  const uint32_t opens = w.opens;
  CHECK(world_run(&w, 85 * 86400));
  CHECK_EQUAL(w.opens, opens);
  CHECK(world_run(&w, 5 * 86400));
  CHECK_EQUAL(w.opens, opens + 1);
  CHECK_EQUAL(fleet_agent_counter(&w.agent, FLEET_LOSS_COUNTER_RECONNECT), 0);
}

const test_t sleep_tests[] = {
    {"should come at its duty cycle and leave when all is said", should_come_at_its_duty_cycle_and_leave_when_all_is_said},
    {"should come when the platform says", should_come_when_the_platform_says},
    {"should not be sent away for more than a week", should_not_be_sent_away_for_more_than_a_week},
    {"should stay for a transfer that takes long", should_stay_for_a_transfer_that_takes_long},
    {"should come early to tell a state", should_come_early_to_tell_a_state},
    {"should linger for what is pushed", should_linger_for_what_is_pushed},
    {"should sleep for months", should_sleep_for_months},
    {"should try again at the next contact when nobody is there", should_try_again_at_the_next_contact_when_nobody_is_there},
    {NULL, NULL},
};
