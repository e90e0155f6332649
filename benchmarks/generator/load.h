/* The load generator's types and functions: groups of connections in one thread with one epoll, on loopback only. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

#define MAX_GROUPS 16
#define MAX_PUBLISHERS 64      /* Connections of one group of publishers. */
#define MAX_FIRST_MESSAGES 128 /* Messages that a connection sends after its handshake. */
#define MAX_FIELDS 400         /* Of one command. */
#define MAX_BUFFER (64u << 20)
/* An update's marker "n" is (publisher + 1) * PUBLISHER_STRIDE + its number there, so that its length hardly changes. */
#define PUBLISHER_STRIDE 1000000000000ull
#define SECOND 1000000000ull

enum kind { WEBSOCKET, STREAM, HTTP };
enum dialect { PLAIN, ENGINE_IO, NATS };
enum state { UNUSED, CONNECTING, HANDSHAKE, WAITING, READY };

struct bytes {
  uint8_t *at;
  size_t size, room;
};

struct connection {
  int fd, index;
  uint8_t state, wants_write;
  int ready_seen;
  struct group *group;
  struct bytes in, out;
  uint64_t last[MAX_PUBLISHERS]; /* The newest number of each publisher. */
  uint64_t seq;                  /* The hub's seq of the newest update; 0 before the first. */
  uint64_t base, received;       /* Updates published before it was ready, and received since. */
  uint64_t sent, acked;          /* Publishes of a publisher. */
  uint64_t *sent_at;             /* Their times, in a ring of MAX_UNACKNOWLEDGED. */
};
#define MAX_UNACKNOWLEDGED 4096

struct group {
  int used, count, port, max_connecting, started, ready, binary, live, seqs, deflate, timed, ready_times;
  int external; /* Another generator publishes what it receives. */
  enum kind kind;
  enum dialect dialect;
  size_t slow; /* Bytes per second that each reads; 0: no limit. */
  char *path, *headers, *ready_when, *ack;
  char *first[MAX_FIRST_MESSAGES];
  int firsts;
  struct connection *connections;
  char opening[32], catching_up[32]; /* The ids of the commands that wait for it. */
  uint64_t began, deadline, catch_up_began, catch_up_deadline, goal;
  int waiting; /* Connections that have not caught up. */
};

struct histogram {
  uint64_t counts[64 * 32], total, max;
};

/* main.c */
extern struct group groups[MAX_GROUPS];
extern int poller;
uint64_t now(void);
_Noreturn void fail(const char *format, ...);

/* buffers.c */
void append(struct bytes *to, const void *from, size_t size);
void drop(struct bytes *from, size_t size);
char *escaped(const char *text); /* A copy with \r, \n, \t and \\ resolved. */

/* histogram.c: nanoseconds in, milliseconds out. */
void record(struct histogram *h, uint64_t value);
void reset_histogram(struct histogram *h);
double percentile(const struct histogram *h, double part);

/* commands.c: a line per command, KEY=VALUE separated by tabs; a tab in a value is \t. */
struct command {
  char *keys[MAX_FIELDS], *values[MAX_FIELDS];
  int fields;
  const char *id;
};
void read_commands(void);
const char *text_of(const struct command *c, const char *key, const char *fallback);
double number_of(const struct command *c, const char *key, double fallback);

/* groups.c */
void open_group(const struct command *c);
void send_to_group(const struct command *c);
void close_group(const struct command *c);
void poll_groups(void);
void mark_ready(struct connection *c);
void count_received(struct connection *c, uint64_t count);
struct group *group_of(const struct command *c, const char *key);
int is_awaited(const struct group *g); /* By a load: it ends once all of these have received everything. */

/* connections.c */
void start(struct connection *c);
void on_event(struct connection *c, uint32_t events);
void flush_output(struct connection *c);
void read_input(struct connection *c, size_t most);
void close_connection(struct connection *c);

/* websocket.c and http.c; parse functions return the number of bytes parsed. */
int times_in(const uint8_t *at, size_t size, const char *text);
size_t parse_handshake(struct connection *c, const uint8_t *at, size_t size);
size_t parse_frames(struct connection *c, const uint8_t *at, size_t size);
void write_frame(struct connection *c, int opcode, const void *payload, size_t size);
size_t parse_stream(struct connection *c, uint8_t *at, size_t size);
size_t parse_responses(struct connection *c, const uint8_t *at, size_t size);
void write_request(struct connection *c, const void *body, size_t size);

/* deliveries.c */
void handle_updates(struct connection *c, const uint8_t *at, size_t size);

/* publishing.c */
extern uint64_t published; /* Updates of all publishers. */
extern uint64_t published_by[MAX_PUBLISHERS];
extern uint64_t outstanding; /* Deliveries that awaited watchers have not received. */
extern struct histogram delays;
void start_load(const struct command *c);
void stop_load(const struct command *c);
void poll_load(void);
int until_next_publish(void); /* Milliseconds, at most 20. */
void on_ack(struct connection *c);
void on_delivered(uint64_t count, uint64_t at);
void set_mark(const struct command *c);
extern uint64_t marked, marked_by[MAX_PUBLISHERS];

#endif
