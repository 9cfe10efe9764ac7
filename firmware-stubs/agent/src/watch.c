// Adaptive cadence: a two-sided CUSUM with known reference (Page 1954; k and h as in Hawkins and Olwell 1998) on every summarized
// stream shortens the windows when one of them has moved, and gives the length back when all are calm again.
//
// The reference is the bundle's: the centre, and as standard deviation the distance of the quartiles among the edges / 1.349. With
// k = .5 and h = 12 standard deviations a stream of independent normal values crosses one of its two limits once in about 520,000
// values (Siegmund 1985: (exp(2kb) - 2kb - 1) / 2k^2 for one side, b = h + 1.166), six streams once in 87,000; a shift of one standard deviation
// is seen after about 24. Values that depend on each other cross more often: what that costs is bounded, see below.
#include "agent.h"

enum {
  unit = 16, // of the sums: a standard deviation
  per_quartiles = 22, // 16 * 1.349
  allowance = unit / 2,
  limit = 12 * unit,
  calm = limit / 4,
  most = 2 * limit, // where the sums stop, so that calm is not far
  clip = 4 * unit, // one value alone moves nothing
  short_windows = 8, // as many as make a whole one: a move costs at most that many messages until all was calm again
  shortest_s = 60,
};

static int32_t edge(const fleet_monitor_t *m, uint32_t i) {
  return (int16_t)((uint32_t)m->edges[2 * i] | (uint32_t)m->edges[2 * i + 1] << 8);
}

static int32_t step(int32_t sum, int32_t by) {
  const int32_t next = sum + by - allowance;
  return next < 0 ? 0 : next > most ? most : next;
}

void fleet_watch_value(fleet_agent_t *a, uint32_t stream, const fleet_monitor_t *m, int32_t value) {
  fleet_watch_t *w = &a->watch;
  if (m->bins < 4) return; // no quartiles
  int32_t quartiles = edge(m, m->bins * 3u / 4 - 1) - edge(m, m->bins / 4u - 1);
  if (quartiles < 1) quartiles = 1;
  int32_t z = (value - m->centre) * per_quartiles / quartiles; // |value - centre| < 2^16
  if (z > clip) z = clip;
  if (z < -clip) z = -clip;
  w->up[stream] = (int16_t)step(w->up[stream], z);
  w->down[stream] = (int16_t)step(w->down[stream], -z);
  if (w->moved || (w->up[stream] < limit && w->down[stream] < limit)) return;
  w->moved = true;
  w->short_left = short_windows;
}

// What a window lasts now.
uint32_t fleet_watch_window_s(const fleet_agent_t *a) {
  const uint32_t whole = a->window_s;
  if (a->watch.short_left == 0 || (a->config->flags & FLEET_AGENT_FIXED_WINDOW) != 0 || whole <= shortest_s) return whole;
  return whole / short_windows > shortest_s ? whole / short_windows : (uint32_t)shortest_s;
}

void fleet_watch_window(fleet_agent_t *a) {
  fleet_watch_t *w = &a->watch;
  if (w->short_left != 0) w->short_left--;
  int32_t highest = 0;
  for (uint32_t i = 0; i <= FLEET_WINDOW_FEATURES; i++) {
    if (w->up[i] > highest) highest = w->up[i];
    if (w->down[i] > highest) highest = w->down[i];
  }
  if (highest >= calm) return;
  w->moved = false;
  w->short_left = 0;
}
