/* One load: publishes at a rate, or as fast as updates are acknowledged and delivered, until all are delivered. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t published, published_by[MAX_PUBLISHERS], outstanding, marked, marked_by[MAX_PUBLISHERS];
struct histogram delays;
static struct histogram acks;

static struct {
  char id[32], *item, *head, *between, *tail;
  struct group *publishers;
  int batch, next_publisher;
  double rate;
  uint64_t max_updates, window, backlog, began, ends, deadline, next;
  uint64_t unacknowledged, count, messages, delivered, last_delivery, last_ack;
  double drain;
  int stopping;
} load;

void set_mark(const struct command *c) {
  marked = published;
  memcpy(marked_by, published_by, sizeof marked_by);
  printf("{\"id\":%s}\n", c->id);
}

static uint64_t awaited_watchers(void) {
  uint64_t all = 0;
  for (struct group *g = groups; g < groups + MAX_GROUPS; g++)
    if (g->used && is_awaited(g)) all += g->ready;
  return all;
}

void start_load(const struct command *c) {
  if (*load.id) fail("a load is already running");
  free(load.item), free(load.head), free(load.between), free(load.tail);
  memset(&load, 0, sizeof load);
  snprintf(load.id, sizeof load.id, "%s", c->id);
  load.item = escaped(text_of(c, "item", ""));
  load.head = escaped(text_of(c, "head", ""));
  load.between = escaped(text_of(c, "between", ""));
  load.tail = escaped(text_of(c, "tail", ""));
  load.publishers = group_of(c, "publishers");
  if (!load.publishers->used || load.publishers->count > MAX_PUBLISHERS) fail("the group of publishers is not open, or too large");
  load.batch = (int)number_of(c, "batch", 1);
  load.rate = number_of(c, "rate", 0);
  load.max_updates = (uint64_t)number_of(c, "max_updates", 1e9);
  load.window = (uint64_t)number_of(c, "window", 1);
  if (load.window > MAX_UNACKNOWLEDGED) fail("the window is larger than %d", MAX_UNACKNOWLEDGED);
  load.backlog = (uint64_t)number_of(c, "backlog", 1000);
  load.drain = number_of(c, "drain", 60);
  load.began = load.next = now();
  load.ends = load.began + (uint64_t)(number_of(c, "seconds", 1) * SECOND);
  reset_histogram(&delays);
  reset_histogram(&acks);
}

void stop_load(const struct command *c) {
  load.ends = now();
  printf("{\"id\":%s}\n", c->id);
}

static void render(struct bytes *to, const char *template, uint64_t number, size_t length) {
  char value[32];
  for (const char *brace; (brace = strchr(template, '{')); template = brace + 1) {
    append(to, template, brace - template);
    if (!strncmp(brace, "{n}", 3)) append(to, value, sprintf(value, "%lu", number)), brace += 2;
    else if (!strncmp(brace, "{ts}", 4)) append(to, value, sprintf(value, "%lu", now())), brace += 3;
    else if (!strncmp(brace, "{len}", 5)) append(to, value, sprintf(value, "%zu", length)), brace += 4;
    else append(to, brace, 1);
  }
  append(to, template, strlen(template));
}

static void publish(struct connection *c, int count) {
  static struct bytes items, message;
  items.size = message.size = 0;
  for (int i = 0; i < count; i++) {
    if (i) append(&items, load.between, strlen(load.between));
    render(&items, load.item, (c->index + 1) * PUBLISHER_STRIDE + ++published_by[c->index], 0);
  }
  render(&message, load.head, 0, items.size);
  append(&message, items.at, items.size);
  append(&message, load.tail, strlen(load.tail));
  if (c->group->kind == HTTP) write_request(c, message.at, message.size);
  else write_frame(c, c->group->binary ? 2 : 1, message.at, message.size);
  published += count;
  load.count += count;
  load.messages++;
  outstanding += count * awaited_watchers();
  if (!c->group->ack && c->group->kind != HTTP) return;
  if (!c->sent_at) c->sent_at = calloc(MAX_UNACKNOWLEDGED, sizeof *c->sent_at);
  /* A batch over HTTP has one response; several objects in a websocket frame have one acknowledgement each. */
  int expected = c->group->kind == HTTP ? 1 : count;
  for (int i = 0; i < expected; i++) c->sent_at[c->sent++ % MAX_UNACKNOWLEDGED] = now();
  load.unacknowledged += expected;
}

void on_ack(struct connection *c) {
  if (c->acked == c->sent) fail("there are more acknowledgements than publishes");
  load.last_ack = now();
  record(&acks, load.last_ack - c->sent_at[c->acked++ % MAX_UNACKNOWLEDGED]);
  load.unacknowledged--;
}

void on_delivered(uint64_t count, uint64_t at) {
  outstanding -= count;
  load.delivered += count;
  load.last_delivery = at;
}

static int may_publish(struct connection *c, uint64_t watchers) {
  uint64_t window = c->group->kind == HTTP ? 1 : load.window;
  if (c->sent - c->acked + (c->group->kind == HTTP ? 1 : load.batch) > window) return 0;
  return !watchers || outstanding / watchers < load.backlog;
}

static void publish_next(void) {
  struct group *g = load.publishers;
  uint64_t watchers = awaited_watchers(), at = now();
  int first = load.next_publisher;
  for (int i = 0; i < g->count; i++) {
    struct connection *c = &g->connections[(first + i) % g->count];
    /* A limited burst: filling a window of thousands would otherwise delay reading. */
    for (int burst = 0; burst < 100; burst++) {
      uint64_t left = load.max_updates - load.count;
      if (!left || !may_publish(c, watchers) || (load.rate > 0 && at < load.next)) break;
      publish(c, left < (uint64_t)load.batch ? (int)left : load.batch);
      if (load.rate <= 0) continue;
      load.next += (uint64_t)(SECOND / load.rate);
      load.next_publisher = c->index + 1; /* At a rate publishers alternate; otherwise the first would publish everything. */
      break;
    }
    flush_output(c);
  }
}

static void finish(void) {
  uint64_t end = load.last_delivery > load.last_ack ? load.last_delivery : load.last_ack;
  printf("{\"id\":%s,\"published\":%lu,\"messages\":%lu,\"delivered\":%lu,\"seconds\":%.6f,"
         "\"p50\":%.4f,\"p99\":%.4f,\"worst\":%.4f,\"ack_p50\":%.4f,\"ack_p99\":%.4f}\n",
         load.id, load.count, load.messages, load.delivered, end > load.began ? (end - load.began) / 1e9 : 0,
         percentile(&delays, 0.5), percentile(&delays, 0.99), delays.max / 1e6, percentile(&acks, 0.5),
         percentile(&acks, 0.99));
  *load.id = 0;
}

void poll_load(void) {
  if (!*load.id) return;
  if (!load.stopping && now() < load.ends && load.count < load.max_updates) {
    publish_next();
    return;
  }
  if (!load.stopping) {
    load.stopping = 1;
    load.deadline = now() + (uint64_t)(load.drain * SECOND);
  }
  if (!outstanding && !load.unacknowledged) finish();
  else if (now() > load.deadline) fail("lost: %lu deliveries and %lu acknowledgements are missing %g s after the last publish", outstanding,
                                          load.unacknowledged, load.drain);
}

int until_next_publish(void) {
  if (!*load.id || load.stopping || load.rate <= 0) return *load.id && !load.stopping ? 1 : 20;
  uint64_t at = now();
  if (at >= load.next) return 0;
  return load.next - at > 20 * SECOND / 1000 ? 20 : (int)((load.next - at) / 1000000);
}
