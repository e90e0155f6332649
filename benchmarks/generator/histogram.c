/* Delays in buckets that are 1/32 of their power of two wide: an error of at most 3 % at every size. */
#include "load.h"

#include <string.h>

#define SUB_BUCKETS 32

void record(struct histogram *h, uint64_t value) {
  h->total++;
  if (value > h->max) h->max = value;
  int power = value < SUB_BUCKETS ? 0 : 63 - __builtin_clzll(value) - 4;
  uint64_t bucket = value < SUB_BUCKETS ? value : (uint64_t)power * SUB_BUCKETS + ((value >> (power - 1)) & (SUB_BUCKETS - 1));
  h->counts[bucket]++;
}

void reset_histogram(struct histogram *h) { memset(h, 0, sizeof *h); }

static uint64_t upper_edge(int bucket) {
  if (bucket < SUB_BUCKETS) return bucket;
  return (uint64_t)(SUB_BUCKETS + bucket % SUB_BUCKETS + 1) << (bucket / SUB_BUCKETS - 1);
}

double percentile(const struct histogram *h, double part) {
  uint64_t wanted = (uint64_t)(part * h->total + 0.5), seen = 0;
  if (wanted < 1) wanted = 1;
  for (int bucket = 0; bucket < 64 * SUB_BUCKETS; bucket++) {
    seen += h->counts[bucket];
    if (h->total && seen >= wanted) {
      uint64_t edge = upper_edge(bucket);
      return (edge > h->max ? h->max : edge) / 1e6;
    }
  }
  return 0;
}
