/* The invariants: each watcher receives every update of every publisher once and in order, and the hub's seqs have no gap.
   The first number of an external publisher is accepted as it is: the hub's seq shows whether one is missing before it.

   A frame with several updates counts as several deliveries: every marker in it is found. A thousand watchers mostly
   receive the same bytes, so a frame is parsed once and compared after that. */
#define _GNU_SOURCE
#include "load.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CACHED (1u << 20)
#define MAX_UPDATES_PER_FRAME 8192
struct update {
  uint64_t number, seq, at;
};
static uint8_t cached[MAX_CACHED];
static size_t cached_size;
static struct update updates[MAX_UPDATES_PER_FRAME];
static int count;

static uint64_t digits(const uint8_t *at, const uint8_t *end) {
  uint64_t value = 0;
  while (at < end && *at == ' ') at++;
  while (at < end && *at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
  return value;
}

static uint64_t seq_between(const uint8_t *at, const uint8_t *end) {
  uint64_t seq = 0;
  const uint8_t *found;
  while (at < end && (found = memmem(at, end - at, "\"seq\":", 6))) {
    at = found + 6;
    seq = digits(at, end); /* The last one before the marker: an earlier line has a seq of its own. */
  }
  return seq;
}

static void read_updates(const struct connection *c, const uint8_t *at, size_t size) {
  const uint8_t *end = at + size, *from = at, *found;
  count = 0;
  cached_size = 0;
  while (from < end && (found = memmem(from, end - from, "\"n\":", 4))) {
    if (count == MAX_UPDATES_PER_FRAME) fail("a frame holds more than %d updates", MAX_UPDATES_PER_FRAME);
    struct update *u = &updates[count++];
    u->number = digits(found + 4, end);
    u->seq = c->group->seqs ? seq_between(from, found) : 0;
    size_t near = end - found < 64 ? (size_t)(end - found) : 64;
    const uint8_t *stamp = memmem(found, near, "\"ts\":", 5);
    u->at = stamp ? digits(stamp + 5, end) : 0;
    from = found + 4;
  }
  if (size > MAX_CACHED) return;
  memcpy(cached, at, size);
  cached_size = size;
}

static void check(struct connection *c, const struct update *u) {
  uint64_t publisher = u->number / PUBLISHER_STRIDE - 1, number = u->number % PUBLISHER_STRIDE;
  if (u->number < PUBLISHER_STRIDE || publisher >= MAX_PUBLISHERS) fail("an update arrived that was never published: %lu", u->number);
  if (!c->group->live) fail("a watcher of an idle channel received update %lu", number);
  uint64_t expected = c->group->external && !c->last[publisher] ? number : c->last[publisher] + 1;
  if (number > expected) fail("lost: after %lu of publisher %lu, %lu was received", expected - 1, publisher, number);
  if (number < expected) fail("repeated or out of order: after %lu of publisher %lu, %lu was received", expected - 1, publisher, number);
  c->last[publisher] = number;
  if (!c->group->seqs) return;
  if (!u->seq) fail("an update arrived without a seq");
  if (c->seq && u->seq != c->seq + 1) fail("the seqs have a gap: after %lu, %lu was received", c->seq, u->seq);
  c->seq = u->seq;
}

void handle_updates(struct connection *c, const uint8_t *at, size_t size) {
  if (size != cached_size || memcmp(at, cached, size)) read_updates(c, at, size);
  if (!count) return;
  uint64_t received = now();
  for (int i = 0; i < count; i++) {
    check(c, &updates[i]);
    if (c->group->timed && updates[i].at) record(&delays, received > updates[i].at ? received - updates[i].at : 0);
  }
  count_received(c, count);
  if (is_awaited(c->group)) on_delivered(count, received);
}
