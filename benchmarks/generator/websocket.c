/* The client's side of a websocket (RFC 6455), with the keep-alives of Engine.IO and NATS. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static int holds(const uint8_t *at, size_t size, const char *text) {
  return memmem(at, size, text, strlen(text)) != NULL;
}

int times_in(const uint8_t *at, size_t size, const char *text) {
  const uint8_t *end = at + size, *found;
  size_t length = strlen(text);
  int times = 0;
  while (at < end && (found = memmem(at, end - at, text, length))) {
    times++;
    at = found + length;
  }
  return times;
}

/* `{i}` is the connection's number in its group. */
static void write_first_message(struct connection *c, const char *text) {
  char own[4096];
  const char *at = strstr(text, "{i}");
  int size = at ? snprintf(own, sizeof own, "%.*s%d%s", (int)(at - text), text, c->index, at + 3)
                : snprintf(own, sizeof own, "%s", text);
  if (size >= (int)sizeof own) fail("a first message is too long");
  write_frame(c, c->group->binary ? BINARY : TEXT, own, size);
}

void write_frame(struct connection *c, int opcode, const void *payload, size_t size) {
  uint8_t head[14] = {0x80 | opcode};
  size_t length = 2;
  if (size < 126) {
    head[1] = 0x80 | size;
  } else if (size < 65536) {
    head[1] = 0x80 | 126;
    head[2] = size >> 8;
    head[3] = size;
    length = 4;
  } else {
    head[1] = 0x80 | 127;
    for (int i = 0; i < 8; i++) head[2 + i] = (uint64_t)size >> (56 - 8 * i);
    length = 10;
  }
  append(&c->out, head, length + 4); /* A mask of zero leaves the payload as it is. */
  append(&c->out, payload, size);
}

size_t parse_handshake(struct connection *c, const uint8_t *at, size_t size) {
  const uint8_t *end = memmem(at, size, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t length = end - at + 4;
  struct group *g = c->group;
  int websocket = g->kind == WEBSOCKET;
  if (size < 12 || memcmp(at + 9, websocket ? "101" : "200", 3) || (websocket && !holds(at, length, ACCEPT)))
    fail("the handshake was rejected: %.*s", (int)(size < 300 ? size : 300), at);
  c->state = WAITING;
  for (int i = 0; i < g->firsts; i++) write_first_message(c, g->first[i]);
  if (!g->ready_when) mark_ready(c);
  return length;
}

/* Respond to a message of the protocol itself; true if it was one. */
static int is_protocol_message(struct connection *c, const uint8_t *at, size_t size) {
  if (c->group->dialect == ENGINE_IO) {
    if (size == 1 && *at == '2') {
      write_frame(c, TEXT, "3", 1);
      return 1;
    }
    if (size && *at == '0') {
      write_frame(c, TEXT, "40", 2);
      return 1;
    }
  }
  if (c->group->dialect == NATS && size >= 6 && !memcmp(at + size - 6, "PING\r\n", 6))
    write_frame(c, BINARY, "PONG\r\n", 6);
  return 0;
}

static void handle_message(struct connection *c, const uint8_t *at, size_t size) {
  if (c->group->dialect != PLAIN && is_protocol_message(c, at, size)) return;
  if (c->state == WAITING) {
    c->ready_seen += times_in(at, size, c->group->ready_when);
    if (c->ready_seen >= c->group->ready_times) mark_ready(c);
    return;
  }
  if (c->group->ack) {
    for (int times = times_in(at, size, c->group->ack); times; times--) on_ack(c);
    return;
  }
  handle_updates(c, at, size);
}

size_t parse_frames(struct connection *c, const uint8_t *at, size_t size) {
  size_t done = 0;
  while (size - done >= 2 && c->state != UNUSED) {
    const uint8_t *frame = at + done;
    uint64_t length = frame[1] & 127;
    size_t head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (size - done < head) break;
    if (head > 2) {
      length = 0;
      for (size_t i = 2; i < head; i++) length = length << 8 | frame[i];
    }
    if (length > MAX_BUFFER || frame[1] & 0x80 || frame[0] & 0x30) fail("invalid frame");
    if (size - done < head + length) break;
    if (frame[0] & 0x40) fail("a frame is compressed, and this client does not decompress");
    const uint8_t *payload = frame + head;
    done += head + length;
    switch (frame[0] & 15) {
      case PING: write_frame(c, PONG, payload, length); break;
      case PONG: break;
      case CLOSE: fail("the server closed with %d: %.*s", length < 2 ? 1005 : payload[0] << 8 | payload[1],
                       length < 2 ? 0 : (int)length - 2, payload + 2);
      default:
        if (c->group->seqs && holds(payload, length < 200 ? length : 200, "\"type\":\"error\""))
          fail("the server sent an error: %.*s", (int)(length < 400 ? length : 400), payload);
        handle_message(c, payload, length);
    }
  }
  return done;
}
