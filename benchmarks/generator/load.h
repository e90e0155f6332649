/* The load generator's values: connections in groups, all in one thread around one epoll. Loopback only. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

#define MOST_GROUPS 16
#define MOST_PUBLISHERS 64 /* Connections of one group of publishers. */
#define MOST_FIRST 128     /* Messages that a connection sends after its handshake. */
#define MOST_FIELDS 400    /* Of one command. */
#define MOST_BUFFERED (64u << 20)
/* An update's marker "n" is (publisher + 1) * NUMBERS + its count there, so that its length hardly changes. */
#define NUMBERS 1000000000000ull
#define SECOND 1000000000ull

enum kind { WEBSOCKET, STREAM, HTTP };
enum dialect { PLAIN, ENGINE_IO, NATS };
enum state { UNUSED, CONNECTING, SHAKING, WAITING, READY };

struct bytes {
  uint8_t *at;
  size_t size, room;
};

struct connection {
  int fd, index;
  uint8_t state, waits_to_write;
  int ready_seen;
  struct group *group;
  struct bytes in, out;
  uint64_t last[MOST_PUBLISHERS]; /* The newest number seen of each publisher. */
  uint64_t seq;                   /* The hub's own number of the newest update, 0 when none was seen yet. */
  uint64_t base, got;             /* Published before it came, and what it has got since. */
  size_t chunk;                   /* Bytes left of an HTTP chunk. */
  uint64_t sent, answered;        /* Of a publisher. */
  uint64_t *sent_at;              /* When, in a ring of MOST_UNANSWERED. */
};
#define MOST_UNANSWERED 4096

struct group {
  int used, count, port, at_once, started, ready, binary, live, seqs, deflate, timed, ready_times;
  int foreign; /* Another generator publishes what it gets. */
  enum kind kind;
  enum dialect dialect;
  size_t slow; /* Bytes a second that each reads; 0: as they come. */
  char *path, *headers, *ready_when, *ack;
  char *first[MOST_FIRST];
  int firsts;
  struct connection *connections;
  char opening[32], reaching[32]; /* The commands that wait for it. */
  uint64_t began, until, reach_began, reach_until, goal;
  int behind;
};

struct histogram {
  uint64_t counts[64 * 32], total, most;
};

/* What is one for the whole program: main.c */
extern struct group groups[MOST_GROUPS];
extern int poller;
uint64_t now(void);
_Noreturn void fail(const char *format, ...);

/* buffers.c */
void append(struct bytes *to, const void *from, size_t size);
void drop(struct bytes *from, size_t size);
char *escaped(const char *text); /* A copy with \r, \n, \t and \\ resolved. */

/* histogram.c: nanoseconds in, milliseconds out. */
void record(struct histogram *h, uint64_t value);
void forget(struct histogram *h);
double percentile(const struct histogram *h, double part);

/* commands.c: one line each, KEY=VALUE separated by tabs; TAB itself is \t in a value. */
struct command {
  char *keys[MOST_FIELDS], *values[MOST_FIELDS];
  int fields;
  const char *id;
};
void read_commands(void);
const char *text_of(const struct command *c, const char *key, const char *otherwise);
double number_of(const struct command *c, const char *key, double otherwise);

/* groups.c */
void open_group(const struct command *c);
void send_to_group(const struct command *c);
void close_group(const struct command *c);
void tend_groups(void);
void became_ready(struct connection *c);
void advanced(struct connection *c, uint64_t count);
struct group *group_of(const struct command *c, const char *key);
int is_waited_for(const struct group *g); /* By a run: it ends when each of them has everything. */

/* connections.c */
void start(struct connection *c);
void on_event(struct connection *c, uint32_t events);
void write_out(struct connection *c);
void read_some(struct connection *c, size_t most);
void hang_up(struct connection *c);

/* websocket.c and http.c: how much of the bytes was taken. */
int times_in(const uint8_t *at, size_t size, const char *text);
size_t take_handshake(struct connection *c, const uint8_t *at, size_t size);
size_t take_frames(struct connection *c, const uint8_t *at, size_t size);
void put_frame(struct connection *c, int opcode, const void *payload, size_t size);
size_t take_stream(struct connection *c, uint8_t *at, size_t size);
size_t take_answers(struct connection *c, const uint8_t *at, size_t size);
void put_request(struct connection *c, const void *body, size_t size);

/* deliveries.c */
void take_updates(struct connection *c, const uint8_t *at, size_t size);

/* publishing.c */
extern uint64_t published;                      /* Updates, of all publishers together. */
extern uint64_t published_by[MOST_PUBLISHERS];
extern uint64_t due;                            /* Deliveries that live, fast watchers have still to get. */
extern struct histogram delays;
void start_run(const struct command *c);
void stop_run(const struct command *c);
void tend_run(void);
int until_next_publish(void); /* Milliseconds, at most 20. */
void on_answer(struct connection *c);
void on_delivered(uint64_t count, uint64_t at);
void mark_place(const struct command *c);
extern uint64_t marked, marked_by[MOST_PUBLISHERS];

#endif
