/* Groups of connections: opened a bounded number at a time, spoken to together, closed together. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_TURN (SECOND / 10)
static const uint64_t nobody[MOST_PUBLISHERS];

struct group *group_of(const struct command *c, const char *key) {
  int index = (int)number_of(c, key, 0);
  if (index < 0 || index >= MOST_GROUPS) fail("there is no group %d", index);
  return &groups[index];
}

static char *kept(const struct command *c, const char *key) {
  const char *text = text_of(c, key, NULL);
  return text ? escaped(text) : NULL;
}

/* All values of a key, each ended by `end`. */
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
  if (g->used) fail("the group is open already");
  *g = (struct group){.used = 1,
                      .kind = !strcmp(kind, "http") ? HTTP : !strcmp(kind, "stream") ? STREAM : WEBSOCKET,
                      .dialect = !strcmp(dialect, "engine.io") ? ENGINE_IO : !strcmp(dialect, "nats") ? NATS : PLAIN,
                      .count = (int)number_of(c, "count", 1),
                      .port = (int)number_of(c, "port", 0),
                      .at_once = (int)number_of(c, "at_once", 64),
                      .binary = (int)number_of(c, "binary", 0),
                      .live = (int)number_of(c, "live", 0),
                      .seqs = (int)number_of(c, "seqs", 0),
                      .timed = (int)number_of(c, "timed", 0),
                      .ready_times = (int)number_of(c, "ready_times", 1),
                      .deflate = (int)number_of(c, "deflate", 0),
                      .foreign = (int)number_of(c, "foreign", 0),
                      .slow = (size_t)number_of(c, "slow", 0),
                      .path = kept(c, "path"),
                      .headers = joined(c, "header", "\r\n"),
                      .ready_when = kept(c, "ready"),
                      .ack = kept(c, "ack"),
                      .began = now(),
                      .until = now() + (uint64_t)(number_of(c, "within", 60) * SECOND)};
  for (int i = 0; i < c->fields; i++)
    if (!strcmp(c->keys[i], "first") && g->firsts < MOST_FIRST) g->first[g->firsts++] = escaped(c->values[i]);
  snprintf(g->opening, sizeof g->opening, "%s", c->id);
  g->connections = calloc(g->count, sizeof *g->connections);
  if (!g->connections) fail("no memory");
  for (int i = 0; i < g->count; i++) g->connections[i] = (struct connection){.fd = -1, .index = i, .group = g};
}

int is_waited_for(const struct group *g) { return g->live && !g->slow && !g->foreign; }

static void join_here(struct connection *c, uint64_t total, const uint64_t *by) {
  c->base = total;
  c->got = c->seq = 0;
  memcpy(c->last, by, sizeof c->last);
  if (is_waited_for(c->group)) due += published - total;
}

void became_ready(struct connection *c) {
  if (c->state == READY) return;
  c->state = READY;
  c->group->ready++;
  join_here(c, published, published_by);
}

/* `marked=1`: they ask for what was published since the mark; `after=SEQ` and `behind=COUNT`: for so many after that one,
   of which nobody here knows. But for slow ones the answer comes when each has it. */
void send_to_group(const struct command *c) {
  struct group *g = group_of(c, "group");
  char *text = escaped(text_of(c, "text", ""));
  uint64_t after = (uint64_t)number_of(c, "after", 0), behind = (uint64_t)number_of(c, "behind", 0);
  int back = behind || number_of(c, "marked", 0), awaited = back && !g->slow;
  if (behind && !g->foreign) fail("what was published here is known: ask for it by the mark");
  if (back) g->live = 1;
  if (awaited) {
    g->goal = behind ? behind : published;
    g->behind = g->count;
    g->reach_began = now();
    g->reach_until = now() + (uint64_t)(number_of(c, "within", 60) * SECOND);
    snprintf(g->reaching, sizeof g->reaching, "%s", c->id);
  }
  for (int i = 0; i < g->count; i++) {
    if (behind) join_here(&g->connections[i], 0, nobody);
    else if (back) join_here(&g->connections[i], marked, marked_by);
    if (behind) g->connections[i].seq = after;
    put_frame(&g->connections[i], g->binary ? 2 : 1, text, strlen(text));
    write_out(&g->connections[i]);
  }
  free(text);
  if (!awaited) printf("{\"id\":%s}\n", c->id);
}

void advanced(struct connection *c, uint64_t count) {
  struct group *g = c->group;
  uint64_t before = c->base + c->got;
  c->got += count;
  if (!*g->reaching || before >= g->goal || before + count < g->goal || --g->behind) return;
  uint64_t all = 0;
  for (int i = 0; i < g->count; i++) all += g->connections[i].got;
  printf("{\"id\":%s,\"seconds\":%.6f,\"got\":%lu}\n", g->reaching, (now() - g->reach_began) / 1e9, all);
  *g->reaching = 0;
}

void close_group(const struct command *c) {
  struct group *g = group_of(c, "group");
  for (int i = 0; g->used && i < g->count; i++) {
    struct connection *each = &g->connections[i];
    if (each->state == READY && is_waited_for(g)) due -= published - each->base - each->got;
    hang_up(each);
    free(each->sent_at);
  }
  for (int i = 0; i < g->firsts; i++) free(g->first[i]);
  free(g->path), free(g->headers), free(g->ready_when), free(g->ack);
  g->used = 0; /* Its connections stay allocated: events of this turn may still name them. */
  printf("{\"id\":%s}\n", c->id);
}

static void tend_opening(struct group *g) {
  while (g->started < g->count && g->started - g->ready < g->at_once) start(&g->connections[g->started++]);
  if (g->ready == g->count) {
    printf("{\"id\":%s,\"seconds\":%.6f}\n", g->opening, (now() - g->began) / 1e9);
    *g->opening = 0;
  } else if (now() > g->until) {
    fail("only %d of %d connections became ready in time", g->ready, g->count);
  }
}

void tend_groups(void) {
  static uint64_t next_turn;
  int turn = now() >= next_turn;
  if (turn) next_turn = now() + SLOW_TURN;
  for (struct group *g = groups; g < groups + MOST_GROUPS; g++) {
    if (!g->used) continue;
    if (*g->opening) tend_opening(g);
    if (*g->reaching && now() > g->reach_until) fail("%d of %d have not got what they missed in time", g->behind, g->count);
    for (int i = 0; turn && g->slow && i < g->count; i++)
      if (g->connections[i].state == READY) read_some(&g->connections[i], g->slow / 10 ? g->slow / 10 : 1);
  }
}
