/* Non-blocking sockets, read and written when epoll reports them; slow ones are read at intervals. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (1u << 20)
static uint8_t input[READ_SIZE];

static void set_events(struct connection *c, int operation, int writing) {
  int reading = !c->group->slow || c->state < READY;
  struct epoll_event event = {.events = (reading ? EPOLLIN : 0) | (writing ? EPOLLOUT : 0), .data.ptr = c};
  c->wants_write = writing;
  if (epoll_ctl(poller, operation, c->fd, &event)) fail("epoll: %s", strerror(errno));
}

void start(struct connection *c) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->group->port)};
  int on = 1, small = 2048;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (c->group->slow) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  c->state = CONNECTING;
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
  set_events(c, EPOLL_CTL_ADD, 1);
}

void close_connection(struct connection *c) {
  if (c->fd > 0) close(c->fd);
  c->fd = -1;
  c->state = UNUSED;
  drop(&c->in, c->in.size);
  drop(&c->out, c->out.size);
}

static void send_handshake(struct connection *c) {
  struct group *g = c->group;
  char request[8192];
  int error = 0, size;
  socklen_t length = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error) fail("connect: %s", strerror(error));
  set_events(c, EPOLL_CTL_MOD, 0);
  if (g->kind == HTTP) {
    mark_ready(c);
    return;
  }
  size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s\r\n", g->path, g->port,
                  g->headers,
                  g->kind == WEBSOCKET ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                       : "",
                  g->deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
  if (size >= (int)sizeof request) fail("the request's headers are too long");
  c->state = HANDSHAKE;
  append(&c->out, request, size);
  flush_output(c);
}

void flush_output(struct connection *c) {
  if (!c->out.size) return;
  ssize_t size = send(c->fd, c->out.at, c->out.size, MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN && errno != EINTR) fail("send: %s", strerror(errno));
  if (size > 0) drop(&c->out, size);
  if ((c->out.size > 0) != c->wants_write) set_events(c, EPOLL_CTL_MOD, c->out.size > 0);
}

static size_t parse(struct connection *c, uint8_t *at, size_t size) {
  size_t taken = 0;
  if (c->group->kind == HTTP) return parse_responses(c, at, size);
  if (c->state == HANDSHAKE) taken = parse_handshake(c, at, size);
  if (c->state == HANDSHAKE) return taken;
  if (c->group->kind == STREAM) return taken + parse_stream(c, at + taken, size - taken);
  return taken + parse_frames(c, at + taken, size - taken);
}

void read_input(struct connection *c, size_t most) {
  ssize_t size = recv(c->fd, input, most && most < READ_SIZE ? most : READ_SIZE, 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) fail("recv: %s", strerror(errno));
    return;
  }
  if (size == 0) fail("the server closed a connection");
  if (c->group->kind == HTTP) { /* A server that responds in two writes would otherwise wait 40 ms for our TCP acknowledgement. */
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
  if (c->in.size) {
    append(&c->in, input, size);
    drop(&c->in, parse(c, c->in.at, c->in.size));
  } else {
    size_t taken = parse(c, input, size);
    if (taken < (size_t)size) append(&c->in, input + taken, size - taken);
  }
  flush_output(c);
  if (c->group->slow && c->state == READY && !most) set_events(c, EPOLL_CTL_MOD, c->wants_write);
}

void on_event(struct connection *c, uint32_t events) {
  if (c->state == UNUSED) return; /* It was closed while this batch of events was handled. */
  if (c->state == CONNECTING) {
    send_handshake(c);
    return;
  }
  if (events & EPOLLOUT) flush_output(c);
  if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN)) fail("the server reset a connection");
  if (events & EPOLLIN && !(c->group->slow && c->state == READY)) read_input(c, 0);
}
