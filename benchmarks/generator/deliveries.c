/* The law: each watcher gets every update of every publisher once and in order, and the hub's own numbers have no hole.
   Of a foreign publisher the first number that comes is taken as it is: the hub's tells whether one is missing before it.

   The markers are looked for wherever they stand, so a frame with several updates counts as several deliveries. What
   goes to a thousand watchers is mostly the same bytes: a frame is read once, and compared after that. */
#define _GNU_SOURCE
#include "load.h"

#include <stdlib.h>
#include <string.h>

#define MOST_KEPT (1u << 20)
#define MOST_UPDATES 8192
struct update {
  uint64_t number, seq, at;
};
static uint8_t kept[MOST_KEPT];
static size_t kept_size;
static struct update updates[MOST_UPDATES];
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
    seq = digits(at, end); /* The nearest one before the marker: a line before it may have a seq of its own. */
  }
  return seq;
}

static void read_updates(const struct connection *c, const uint8_t *at, size_t size) {
  const uint8_t *end = at + size, *from = at, *found;
  count = 0;
  kept_size = 0;
  while (from < end && (found = memmem(from, end - from, "\"n\":", 4))) {
    if (count == MOST_UPDATES) fail("a frame holds more than %d updates", MOST_UPDATES);
    struct update *u = &updates[count++];
    u->number = digits(found + 4, end);
    u->seq = c->group->seqs ? seq_between(from, found) : 0;
    size_t near = end - found < 64 ? (size_t)(end - found) : 64;
    const uint8_t *stamp = memmem(found, near, "\"ts\":", 5);
    u->at = stamp ? digits(stamp + 5, end) : 0;
    from = found + 4;
  }
  if (size > MOST_KEPT) return;
  memcpy(kept, at, size);
  kept_size = size;
}

static void check(struct connection *c, const struct update *u) {
  uint64_t publisher = u->number / NUMBERS - 1, number = u->number % NUMBERS;
  if (u->number < NUMBERS || publisher >= MOST_PUBLISHERS) fail("an update came that nobody published: %lu", u->number);
  if (!c->group->live) fail("a watcher of an idle channel got update %lu", number);
  uint64_t expected = c->group->foreign && !c->last[publisher] ? number : c->last[publisher] + 1;
  if (number > expected) fail("lost: after %lu of publisher %lu came %lu", expected - 1, publisher, number);
  if (number < expected) fail("doubled or out of order: after %lu of publisher %lu came %lu", expected - 1, publisher, number);
  c->last[publisher] = number;
  if (!c->group->seqs) return;
  if (!u->seq) fail("an update came without a seq");
  if (c->seq && u->seq != c->seq + 1) fail("the seqs have a hole: after %lu came %lu", c->seq, u->seq);
  c->seq = u->seq;
}

void take_updates(struct connection *c, const uint8_t *at, size_t size) {
  if (size != kept_size || memcmp(at, kept, size)) read_updates(c, at, size);
  if (!count) return;
  uint64_t received = now();
  for (int i = 0; i < count; i++) {
    check(c, &updates[i]);
    if (c->group->timed && updates[i].at) record(&delays, received > updates[i].at ? received - updates[i].at : 0);
  }
  advanced(c, count);
  if (is_waited_for(c->group)) on_delivered(count, received);
}
