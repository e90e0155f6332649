/* Delays, in buckets 1/32 of their power of two wide: within 3 % of the truth at every size. */
#include "load.h"

#include <string.h>

#define FINE 32

void record(struct histogram *h, uint64_t value) {
  h->total++;
  if (value > h->most) h->most = value;
  int power = value < FINE ? 0 : 63 - __builtin_clzll(value) - 4;
  uint64_t bucket = value < FINE ? value : (uint64_t)power * FINE + ((value >> (power - 1)) & (FINE - 1));
  h->counts[bucket]++;
}

void forget(struct histogram *h) { memset(h, 0, sizeof *h); }

static uint64_t upper_edge(int bucket) {
  if (bucket < FINE) return bucket;
  return (uint64_t)(FINE + bucket % FINE + 1) << (bucket / FINE - 1);
}

double percentile(const struct histogram *h, double part) {
  uint64_t wanted = (uint64_t)(part * h->total + 0.5), seen = 0;
  if (wanted < 1) wanted = 1;
  for (int bucket = 0; bucket < 64 * FINE; bucket++) {
    seen += h->counts[bucket];
    if (h->total && seen >= wanted) {
      uint64_t edge = upper_edge(bucket);
      return (edge > h->most ? h->most : edge) / 1e6;
    }
  }
  return 0;
}
