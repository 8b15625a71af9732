// A library for LD_PRELOAD: SIGTERM reaches the process in the moment it first opens the file whose name is in
// SIGNAL_AT_OPEN. Early moments of a program are too short to be met from outside.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int signal_and_open(const char* name, const char* path, int flags, mode_t mode) {
  static int done = 0;
  const char* const wanted = getenv("SIGNAL_AT_OPEN");
  const char* const slash = strrchr(path, '/');
  if (!done && wanted && strcmp(slash ? slash + 1 : path, wanted) == 0) {
    done = 1;
    raise(SIGTERM);
  }
  int (*next)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, name);
  return next(path, flags, mode);
}

#define MODE_OF(flags)                   \
  mode_t mode = 0;                       \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list rest;                        \
    va_start(rest, flags);               \
    mode = va_arg(rest, mode_t);         \
    va_end(rest);                        \
  }

int open(const char* path, int flags, ...) {
  MODE_OF(flags)
  return signal_and_open("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  MODE_OF(flags)
  return signal_and_open("open64", path, flags, mode);
}
