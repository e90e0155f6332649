/* Groups of connections: opened a limited number at a time, and sent to and closed together. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_INTERVAL (SECOND / 10)
static const uint64_t none_published[MAX_PUBLISHERS];

struct group *group_of(const struct command *c, const char *key) {
  int index = (int)number_of(c, key, 0);
  if (index < 0 || index >= MAX_GROUPS) fail("there is no group %d", index);
  return &groups[index];
}

static char *field_of(const struct command *c, const char *key) {
  const char *text = text_of(c, key, NULL);
  return text ? escaped(text) : NULL;
}

/* All values of a key, each followed by `end`. */
static char *joined(const struct command *c, const char *key, const char *end) {
  size_t room = 1;
  for (int i = 0; i < c->fields; i++) room += strlen(c->values[i]) + strlen(end);
  char *all = calloc(1, room);
  for (int i = 0; i < c->fields; i++)
    if (!strcmp(c->keys[i], key)) strcat(strcat(all, c->values[i]), end);
  return all;
}

void open_group(const struct command *c) {
  struct group *g = group_of(c, "group");
  const char *kind = text_of(c, "kind", "websocket"), *dialect = text_of(c, "dialect", "plain");
  if (g->used) fail("the group is already open");
  *g = (struct group){.used = 1,
                      .kind = !strcmp(kind, "http") ? HTTP : !strcmp(kind, "stream") ? STREAM : WEBSOCKET,
                      .dialect = !strcmp(dialect, "engine.io") ? ENGINE_IO : !strcmp(dialect, "nats") ? NATS : PLAIN,
                      .count = (int)number_of(c, "count", 1),
                      .port = (int)number_of(c, "port", 0),
                      .max_connecting = (int)number_of(c, "max_connecting", 64),
                      .binary = (int)number_of(c, "binary", 0),
                      .live = (int)number_of(c, "live", 0),
                      .seqs = (int)number_of(c, "seqs", 0),
                      .timed = (int)number_of(c, "timed", 0),
                      .ready_times = (int)number_of(c, "ready_times", 1),
                      .deflate = (int)number_of(c, "deflate", 0),
                      .external = (int)number_of(c, "external", 0),
                      .slow = (size_t)number_of(c, "slow", 0),
                      .path = field_of(c, "path"),
                      .headers = joined(c, "header", "\r\n"),
                      .ready_when = field_of(c, "ready"),
                      .ack = field_of(c, "ack"),
                      .began = now(),
                      .deadline = now() + (uint64_t)(number_of(c, "within", 60) * SECOND)};
  for (int i = 0; i < c->fields; i++)
    if (!strcmp(c->keys[i], "first") && g->firsts < MAX_FIRST_MESSAGES) g->first[g->firsts++] = escaped(c->values[i]);
  snprintf(g->opening, sizeof g->opening, "%s", c->id);
  g->connections = calloc(g->count, sizeof *g->connections);
  if (!g->connections) fail("out of memory");
  for (int i = 0; i < g->count; i++) g->connections[i] = (struct connection){.fd = -1, .index = i, .group = g};
}

int is_awaited(const struct group *g) { return g->live && !g->slow && !g->external; }

static void set_start(struct connection *c, uint64_t total, const uint64_t *by) {
  c->base = total;
  c->received = c->seq = 0;
  memcpy(c->last, by, sizeof c->last);
  if (is_awaited(c->group)) outstanding += published - total;
}

void mark_ready(struct connection *c) {
  if (c->state == READY) return;
  c->state = READY;
  c->group->ready++;
  set_start(c, published, published_by);
}

/* Send `text` on every connection. With `from_mark=1` it subscribes to what was published here since the mark; with
   `after=SEQ` and `missed=COUNT`, to that many updates of an external publisher after that seq. The reply comes once
   every connection has received them, and at once for a slow group. */
void send_to_group(const struct command *c) {
  struct group *g = group_of(c, "group");
  char *text = escaped(text_of(c, "text", ""));
  uint64_t after = (uint64_t)number_of(c, "after", 0), missed = (uint64_t)number_of(c, "missed", 0);
  int resumes = missed || number_of(c, "from_mark", 0), awaited = resumes && !g->slow;
  if (missed && !g->external) fail("updates published here are known: use from_mark");
  if (resumes) g->live = 1;
  if (awaited) {
    g->goal = missed ? missed : published;
    g->waiting = g->count;
    g->catch_up_began = now();
    g->catch_up_deadline = now() + (uint64_t)(number_of(c, "within", 60) * SECOND);
    snprintf(g->catching_up, sizeof g->catching_up, "%s", c->id);
  }
  for (int i = 0; i < g->count; i++) {
    if (missed) set_start(&g->connections[i], 0, none_published);
    else if (resumes) set_start(&g->connections[i], marked, marked_by);
    if (missed) g->connections[i].seq = after;
    write_frame(&g->connections[i], g->binary ? 2 : 1, text, strlen(text));
    flush_output(&g->connections[i]);
  }
  free(text);
  if (!awaited) printf("{\"id\":%s}\n", c->id);
}

void count_received(struct connection *c, uint64_t count) {
  struct group *g = c->group;
  uint64_t before = c->base + c->received;
  c->received += count;
  if (!*g->catching_up || before >= g->goal || before + count < g->goal || --g->waiting) return;
  uint64_t all = 0;
  for (int i = 0; i < g->count; i++) all += g->connections[i].received;
  printf("{\"id\":%s,\"seconds\":%.6f,\"received\":%lu}\n", g->catching_up, (now() - g->catch_up_began) / 1e9, all);
  *g->catching_up = 0;
}

void close_group(const struct command *c) {
  struct group *g = group_of(c, "group");
  for (int i = 0; g->used && i < g->count; i++) {
    struct connection *each = &g->connections[i];
    if (each->state == READY && is_awaited(g)) outstanding -= published - each->base - each->received;
    close_connection(each);
    free(each->sent_at);
  }
  for (int i = 0; i < g->firsts; i++) free(g->first[i]);
  free(g->path), free(g->headers), free(g->ready_when), free(g->ack);
  g->used = 0; /* Its connections stay allocated: pending events may still refer to them. */
  printf("{\"id\":%s}\n", c->id);
}

static void poll_opening(struct group *g) {
  while (g->started < g->count && g->started - g->ready < g->max_connecting) start(&g->connections[g->started++]);
  if (g->ready == g->count) {
    printf("{\"id\":%s,\"seconds\":%.6f}\n", g->opening, (now() - g->began) / 1e9);
    *g->opening = 0;
  } else if (now() > g->deadline) {
    fail("only %d of %d connections became ready in time", g->ready, g->count);
  }
}

void poll_groups(void) {
  static uint64_t next_read;
  int read_slow = now() >= next_read;
  if (read_slow) next_read = now() + SLOW_INTERVAL;
  for (struct group *g = groups; g < groups + MAX_GROUPS; g++) {
    if (!g->used) continue;
    if (*g->opening) poll_opening(g);
    if (*g->catching_up && now() > g->catch_up_deadline) fail("%d of %d watchers have not caught up in time", g->waiting, g->count);
    for (int i = 0; read_slow && g->slow && i < g->count; i++)
      if (g->connections[i].state == READY) read_input(&g->connections[i], g->slow / 10 ? g->slow / 10 : 1);
  }
}
