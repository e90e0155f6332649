/* Byte buffers that grow up to a limit, and the escape sequences of a command's values. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

void append(struct bytes *to, const void *from, size_t size) {
  if (to->size + size > to->room) {
    to->room = (to->size + size) * 2;
    if (to->room > MAX_BUFFER) fail("a connection's buffer exceeds %u bytes", MAX_BUFFER);
    to->at = realloc(to->at, to->room);
    if (!to->at) fail("out of memory");
  }
  memcpy(to->at + to->size, from, size);
  to->size += size;
}

void drop(struct bytes *from, size_t size) {
  from->size -= size;
  if (from->size) {
    memmove(from->at, from->at + size, from->size);
  } else if (from->room > 4096) { /* There are thousands of connections, so an empty buffer is freed. */
    free(from->at);
    *from = (struct bytes){0};
  }
}

char *escaped(const char *text) {
  char *copy = malloc(strlen(text) + 1), *to = copy;
  if (!copy) fail("out of memory");
  for (; *text; text++) {
    if (*text != '\\' || !text[1]) {
      *to++ = *text;
      continue;
    }
    text++;
    *to++ = *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text == 't' ? '\t' : *text;
  }
  *to = 0;
  return copy;
}
