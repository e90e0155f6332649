/* HTTP/1.1: requests that publish, their responses, and chunked streams (SSE, NDJSON). */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void write_request(struct connection *c, const void *body, size_t size) {
  char head[4096];
  int length = snprintf(head, sizeof head,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n%s"
                        "Content-Length: %zu\r\n\r\n",
                        c->group->path, c->group->port, c->group->headers, size);
  if (length >= (int)sizeof head) fail("the request's headers are too long");
  append(&c->out, head, length);
  append(&c->out, body, size);
}

/* The length of a response's body, or -1 while it is incomplete. */
static long body_of(const char *head, const uint8_t *body, size_t size) {
  const char *length = strcasestr(head, "\r\ncontent-length:");
  if (length) {
    size_t wanted = strtoul(length + 17, NULL, 10);
    return size < wanted ? -1 : (long)wanted;
  }
  if (!strcasestr(head, "\r\ntransfer-encoding:")) return 0;
  if (size >= 5 && !memcmp(body, "0\r\n\r\n", 5)) return 5;
  const uint8_t *end = memmem(body, size, "\r\n0\r\n\r\n", 7);
  return end ? end - body + 7 : -1;
}

size_t parse_responses(struct connection *c, const uint8_t *at, size_t size) {
  size_t done = 0;
  const uint8_t *end;
  while (done < size && (end = memmem(at + done, size - done, "\r\n\r\n", 4))) {
    char head[8192];
    size_t length = end - (at + done) + 4;
    if (length >= sizeof head) fail("a response's head is too long");
    memcpy(head, at + done, length);
    head[length] = 0;
    long body = body_of(head, end + 4, size - done - length);
    if (body < 0) break;
    if (length < 12 || head[9] != '2') fail("a publish was rejected: %.*s", (int)(size < 500 ? size : 500), at + done);
    done += length + body;
    on_ack(c);
  }
  return done;
}

static void handle_events(struct connection *c, const uint8_t *at, size_t size) {
  if (c->state == WAITING) {
    if (memmem(at, size, c->group->ready_when, strlen(c->group->ready_when))) mark_ready(c);
    return;
  }
  handle_updates(c, at, size);
}

/* Parses whole chunks: the hub writes whole events into a chunk. */
size_t parse_stream(struct connection *c, uint8_t *at, size_t size) {
  size_t done = 0;
  while (done < size) {
    uint8_t *line = memmem(at + done, size - done, "\r\n", 2);
    if (!line) break;
    size_t head = line - (at + done) + 2, length = strtoul((char *)at + done, NULL, 16);
    if (length == 0 || length > MAX_BUFFER) fail("a stream ended, or is not chunked");
    if (size - done < head + length + 2) break;
    handle_events(c, at + done + head, length);
    done += head + length + 2;
  }
  return done;
}
