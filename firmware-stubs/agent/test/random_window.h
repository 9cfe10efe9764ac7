// Windows to pack, from a seed: the same on every machine.
#ifndef FLEET_RANDOM_WINDOW_H
#define FLEET_RANDOM_WINDOW_H

#include "../src/summary.h"

// Below `limit`, which is not 0. The state is not 0.
uint32_t random_below(uint32_t *state, uint32_t limit);
// A closed window as an agent could have made it: counts that add up, sums that some values have.
void random_window(uint32_t *state, fleet_window_t *window);
// Fills a window with n values of each feature and of the score.
void random_counts(uint32_t *state, fleet_window_t *window, uint32_t n);

#endif
