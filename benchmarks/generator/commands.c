/* Reads the commands on standard input and calls their functions; each gets one JSON line with its id as a reply. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct bytes pending;

const char *text_of(const struct command *c, const char *key, const char *fallback) {
  for (int i = 0; i < c->fields; i++)
    if (!strcmp(c->keys[i], key)) return c->values[i];
  return fallback;
}

double number_of(const struct command *c, const char *key, double fallback) {
  const char *text = text_of(c, key, NULL);
  return text ? atof(text) : fallback;
}

static void execute(char *line) {
  static struct command c;
  char *rest = NULL, *verb = strtok_r(line, "\t", &rest), *field;
  c.fields = 0;
  if (!verb) return;
  while ((field = strtok_r(NULL, "\t", &rest))) {
    char *equals = strchr(field, '=');
    if (!equals || c.fields == MAX_FIELDS) fail("the command has an invalid field: %s", field);
    *equals = 0;
    c.keys[c.fields] = field;
    c.values[c.fields++] = equals + 1;
  }
  c.id = text_of(&c, "id", "0");
  if (!strcmp(verb, "open")) open_group(&c);
  else if (!strcmp(verb, "send")) send_to_group(&c);
  else if (!strcmp(verb, "close")) close_group(&c);
  else if (!strcmp(verb, "load")) start_load(&c);
  else if (!strcmp(verb, "stop")) stop_load(&c);
  else if (!strcmp(verb, "mark")) set_mark(&c);
  else fail("unknown command %s", verb);
}

void read_commands(void) {
  static char input[65536];
  ssize_t size = read(0, input, sizeof input);
  if (size == 0) exit(0); /* The driver closed its end. */
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) exit(0);
    return;
  }
  append(&pending, input, size);
  uint8_t *end;
  while (pending.size && (end = memchr(pending.at, '\n', pending.size))) {
    char *line = strndup((char *)pending.at, end - pending.at);
    drop(&pending, end - pending.at + 1);
    execute(line);
    free(line);
  }
}
