/* Sockets: opened without waiting, read and written as epoll says, slow ones on a clock of their own. */
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

#define AT_ONCE (1u << 20)
static uint8_t some[AT_ONCE];

static void watch_for(struct connection *c, int operation, int writing) {
  int reading = !c->group->slow || c->state < READY;
  struct epoll_event event = {.events = (reading ? EPOLLIN : 0) | (writing ? EPOLLOUT : 0), .data.ptr = c};
  c->waits_to_write = writing;
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
  watch_for(c, EPOLL_CTL_ADD, 1);
}

void hang_up(struct connection *c) {
  if (c->fd > 0) close(c->fd);
  c->fd = -1;
  c->state = UNUSED;
  drop(&c->in, c->in.size);
  drop(&c->out, c->out.size);
}

static void shake_hands(struct connection *c) {
  struct group *g = c->group;
  char request[8192];
  int error = 0, size;
  socklen_t length = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error) fail("connect: %s", strerror(error));
  watch_for(c, EPOLL_CTL_MOD, 0);
  if (g->kind == HTTP) {
    became_ready(c);
    return;
  }
  size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s\r\n", g->path, g->port,
                  g->headers,
                  g->kind == WEBSOCKET ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                       : "",
                  g->deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
  if (size >= (int)sizeof request) fail("the request's headers are too long");
  c->state = SHAKING;
  append(&c->out, request, size);
  write_out(c);
}

void write_out(struct connection *c) {
  if (!c->out.size) return;
  ssize_t size = send(c->fd, c->out.at, c->out.size, MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN && errno != EINTR) fail("send: %s", strerror(errno));
  if (size > 0) drop(&c->out, size);
  if ((c->out.size > 0) != c->waits_to_write) watch_for(c, EPOLL_CTL_MOD, c->out.size > 0);
}

static size_t take(struct connection *c, uint8_t *at, size_t size) {
  size_t taken = 0;
  if (c->group->kind == HTTP) return take_answers(c, at, size);
  if (c->state == SHAKING) taken = take_handshake(c, at, size);
  if (c->state == SHAKING) return taken;
  if (c->group->kind == STREAM) return taken + take_stream(c, at + taken, size - taken);
  return taken + take_frames(c, at + taken, size - taken);
}

void read_some(struct connection *c, size_t most) {
  ssize_t size = recv(c->fd, some, most && most < AT_ONCE ? most : AT_ONCE, 0);
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) fail("recv: %s", strerror(errno));
    return;
  }
  if (size == 0) fail("the server closed a connection");
  if (c->group->kind == HTTP) { /* Servers that answer in two writes would else wait 40 ms for our acknowledgement. */
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
  if (c->in.size) {
    append(&c->in, some, size);
    drop(&c->in, take(c, c->in.at, c->in.size));
  } else {
    size_t taken = take(c, some, size);
    if (taken < (size_t)size) append(&c->in, some + taken, size - taken);
  }
  write_out(c);
  if (c->group->slow && c->state == READY && !most) watch_for(c, EPOLL_CTL_MOD, c->waits_to_write);
}

void on_event(struct connection *c, uint32_t events) {
  if (c->state == UNUSED) return; /* It was hung up in this same turn. */
  if (c->state == CONNECTING) {
    shake_hands(c);
    return;
  }
  if (events & EPOLLOUT) write_out(c);
  if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN)) fail("the server cut a connection");
  if (events & EPOLLIN && !(c->group->slow && c->state == READY)) read_some(c, 0);
}
