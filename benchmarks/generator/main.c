/* The event loop: sockets, commands, timers. One failure ends the program. */
#define _GNU_SOURCE
#include "load.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

struct group groups[MAX_GROUPS];
int poller;

uint64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * SECOND + at.tv_nsec;
}

_Noreturn void fail(const char *format, ...) {
  char reason[2000];
  va_list values;
  va_start(values, format);
  vsnprintf(reason, sizeof reason, format, values);
  va_end(values);
  for (char *at = reason; *at; at++) /* It becomes a JSON string. */
    if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ' || (unsigned char)*at > '~') *at = '\'';
  printf("{\"failure\":\"%s\"}\n", reason);
  fflush(stdout);
  exit(1);
}

int main(void) {
  static struct epoll_event events[1024];
  struct rlimit files;
  signal(SIGPIPE, SIG_IGN);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &commands)) fail("standard input can't be polled");
  for (;;) {
    int count = epoll_wait(poller, events, 1024, until_next_publish());
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr) on_event(events[i].data.ptr, events[i].events);
      else read_commands();
    }
    poll_groups();
    poll_load();
    fflush(stdout);
  }
}
