/* One run: publishes at a pace or as fast as they are answered and delivered, until the last watcher has the last one. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t published, published_by[MOST_PUBLISHERS], due, marked, marked_by[MOST_PUBLISHERS];
struct histogram delays;
static struct histogram answers;

static struct {
  char id[32], *item, *head, *between, *tail;
  struct group *publishers;
  int batch, turn;
  double rate;
  uint64_t most, window, lag, began, ends, until, next, unanswered, count, messages, delivered, last_delivery, last_answer;
  double drain;
  int stopping;
} run;

void mark_place(const struct command *c) {
  marked = published;
  memcpy(marked_by, published_by, sizeof marked_by);
  printf("{\"id\":%s}\n", c->id);
}

static uint64_t audience(void) {
  uint64_t all = 0;
  for (struct group *g = groups; g < groups + MOST_GROUPS; g++)
    if (g->used && is_waited_for(g)) all += g->ready;
  return all;
}

void start_run(const struct command *c) {
  if (*run.id) fail("a run is on its way already");
  free(run.item), free(run.head), free(run.between), free(run.tail);
  memset(&run, 0, sizeof run);
  snprintf(run.id, sizeof run.id, "%s", c->id);
  run.item = escaped(text_of(c, "item", ""));
  run.head = escaped(text_of(c, "head", ""));
  run.between = escaped(text_of(c, "between", ""));
  run.tail = escaped(text_of(c, "tail", ""));
  run.publishers = group_of(c, "publishers");
  if (!run.publishers->used || run.publishers->count > MOST_PUBLISHERS) fail("these are no publishers");
  run.batch = (int)number_of(c, "batch", 1);
  run.rate = number_of(c, "rate", 0);
  run.most = (uint64_t)number_of(c, "most", 1e9);
  run.window = (uint64_t)number_of(c, "window", 1);
  if (run.window > MOST_UNANSWERED) fail("a window holds at most %d", MOST_UNANSWERED);
  run.lag = (uint64_t)number_of(c, "lag", 1000);
  run.drain = number_of(c, "drain", 60);
  run.began = run.next = now();
  run.ends = run.began + (uint64_t)(number_of(c, "seconds", 1) * SECOND);
  forget(&delays);
  forget(&answers);
}

void stop_run(const struct command *c) {
  run.ends = now();
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
    if (i) append(&items, run.between, strlen(run.between));
    render(&items, run.item, (c->index + 1) * NUMBERS + ++published_by[c->index], 0);
  }
  render(&message, run.head, 0, items.size);
  append(&message, items.at, items.size);
  append(&message, run.tail, strlen(run.tail));
  if (c->group->kind == HTTP) put_request(c, message.at, message.size);
  else put_frame(c, c->group->binary ? 2 : 1, message.at, message.size);
  published += count;
  run.count += count;
  run.messages++;
  due += count * audience();
  if (!c->group->ack && c->group->kind != HTTP) return;
  if (!c->sent_at) c->sent_at = calloc(MOST_UNANSWERED, sizeof *c->sent_at);
  /* A batch over HTTP has one answer; several objects in a websocket's frame have one each. */
  int wanted = c->group->kind == HTTP ? 1 : count;
  for (int i = 0; i < wanted; i++) c->sent_at[c->sent++ % MOST_UNANSWERED] = now();
  run.unanswered += wanted;
}

void on_answer(struct connection *c) {
  if (c->answered == c->sent) fail("more answers came than there were publishes");
  run.last_answer = now();
  record(&answers, run.last_answer - c->sent_at[c->answered++ % MOST_UNANSWERED]);
  run.unanswered--;
}

void on_delivered(uint64_t count, uint64_t at) {
  due -= count;
  run.delivered += count;
  run.last_delivery = at;
}

static int may_publish(struct connection *c, uint64_t watchers) {
  uint64_t window = c->group->kind == HTTP ? 1 : run.window;
  if (c->sent - c->answered + (c->group->kind == HTTP ? 1 : run.batch) > window) return 0;
  return !watchers || due / watchers < run.lag;
}

static void publish_what_is_due(void) {
  struct group *g = run.publishers;
  uint64_t watchers = audience(), at = now();
  int first = run.turn;
  for (int i = 0; i < g->count; i++) {
    struct connection *c = &g->connections[(first + i) % g->count];
    /* Some at a time: a window of thousands would else keep us from reading for as long as it takes to fill. */
    for (int burst = 0; burst < 100; burst++) {
      uint64_t left = run.most - run.count;
      if (!left || !may_publish(c, watchers) || (run.rate > 0 && at < run.next)) break;
      publish(c, left < (uint64_t)run.batch ? (int)left : run.batch);
      if (run.rate <= 0) continue;
      run.next += (uint64_t)(SECOND / run.rate);
      run.turn = c->index + 1; /* At a pace they take turns, or the first would do it all. */
      break;
    }
    write_out(c);
  }
}

static void finish(void) {
  uint64_t end = run.last_delivery > run.last_answer ? run.last_delivery : run.last_answer;
  printf("{\"id\":%s,\"published\":%lu,\"messages\":%lu,\"delivered\":%lu,\"seconds\":%.6f,"
         "\"p50\":%.4f,\"p99\":%.4f,\"worst\":%.4f,\"answer_p50\":%.4f,\"answer_p99\":%.4f}\n",
         run.id, run.count, run.messages, run.delivered, end > run.began ? (end - run.began) / 1e9 : 0,
         percentile(&delays, 0.5), percentile(&delays, 0.99), delays.most / 1e6, percentile(&answers, 0.5),
         percentile(&answers, 0.99));
  *run.id = 0;
}

void tend_run(void) {
  if (!*run.id) return;
  if (!run.stopping && now() < run.ends && run.count < run.most) {
    publish_what_is_due();
    return;
  }
  if (!run.stopping) {
    run.stopping = 1;
    run.until = now() + (uint64_t)(run.drain * SECOND);
  }
  if (!due && !run.unanswered) finish();
  else if (now() > run.until) fail("lost: %lu deliveries and %lu answers are missing %g s after the last publish", due, run.unanswered, run.drain);
}

int until_next_publish(void) {
  if (!*run.id || run.stopping || run.rate <= 0) return *run.id && !run.stopping ? 1 : 20;
  uint64_t at = now();
  if (at >= run.next) return 0;
  return run.next - at > 20 * SECOND / 1000 ? 20 : (int)((run.next - at) / 1000000);
}
