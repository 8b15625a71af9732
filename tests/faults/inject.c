/* Lets one call to the system fail, from outside: preloaded into any program (LD_PRELOAD), it counts the calls that
 * touch paths below one folder, writes them into a trace, and makes the N-th of a kind fail. What it cannot see: calls
 * that the C library makes inside itself (its own stdio aside: fopen counts as open), and system calls without the
 * library.
 *
 *   FAULT_FOLDER      only paths below this folder count (absolute). Unset: nothing is done.
 *   FAULT_COUNT_FILE  counters shared by the processes of one run (parent, children, ranks); must exist, may be empty
 *   FAULT_TRACE       optional: a line per call, "KIND PATH"; the one that failed is "FAILED KIND PATH"
 *   FAULT_CALL        open, read, write, fsync, rename, mkdir, unlink, truncate, close: which calls are counted for …
 *   FAULT_NUMBER      … this number: 1 is the first
 *   FAULT_ERRNO       ENOSPC, EIO, EINTR, EDQUOT, EACCES, or short (a write that takes half of what it is given)
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, FSYNC, RENAME, MKDIR, UNLINK, TRUNCATE, CLOSE, KINDS };
static const char* const kind_names[KINDS] = {"open",  "read",   "write",    "fsync", "rename",
                                              "mkdir", "unlink", "truncate", "close"};
enum { SHORT = -1 };

static struct {
  char folder[PATH_MAX];
  size_t length;
  _Atomic unsigned long* counts; /* one per kind, shared */
  int trace;
  int kind; /* -1: count only */
  unsigned long number;
  int error;
} fault = {.trace = -1, .kind = -1};

static void give_up(const char* what) {
  dprintf(2, "inject: %s\n", what);
  _exit(99);
}

static int errno_of(const char* name) {
  static const struct {
    const char* name;
    int value;
  } known[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EINTR", EINTR},
               {"EDQUOT", EDQUOT}, {"EACCES", EACCES}, {"short", SHORT}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
    if (strcmp(name, known[i].name) == 0) return known[i].value;
  }
  give_up("unknown FAULT_ERRNO");
  return 0;
}

/* System calls of its own, so that it never counts itself. */
static int own_open(const char* path, int flags) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void start(void) {
  const char* folder = getenv("FAULT_FOLDER");
  const char* counts = getenv("FAULT_COUNT_FILE");
  if (folder == NULL || *folder != '/') return;
  if (counts == NULL) give_up("FAULT_COUNT_FILE is not set");
  const int fd = own_open(counts, O_RDWR);
  if (fd < 0 || syscall(SYS_ftruncate, fd, 4096L) != 0) give_up("FAULT_COUNT_FILE cannot be used");
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) give_up("FAULT_COUNT_FILE cannot be mapped");
  syscall(SYS_close, fd);
  const char* trace = getenv("FAULT_TRACE");
  if (trace != NULL) {
    /* High up: programs close, or reuse, the low descriptors. */
    const int low = own_open(trace, O_WRONLY | O_CREAT | O_APPEND);
    fault.trace = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, low);
  }
  const char* kind = getenv("FAULT_CALL");
  if (kind != NULL) {
    for (int i = 0; i < KINDS; ++i) {
      if (strcmp(kind, kind_names[i]) == 0) fault.kind = i;
    }
    if (fault.kind < 0) give_up("unknown FAULT_CALL");
    const char* number = getenv("FAULT_NUMBER");
    const char* error = getenv("FAULT_ERRNO");
    if (number == NULL || error == NULL) give_up("FAULT_NUMBER or FAULT_ERRNO is not set");
    fault.number = strtoul(number, NULL, 10);
    fault.error = errno_of(error);
  }
  fault.length = strlen(folder);
  memcpy(fault.folder, folder, fault.length + 1);
  fault.counts = page; /* last: from now on it counts */
}

static int is_below(const char* path) {
  return strncmp(path, fault.folder, fault.length) == 0 && (path[fault.length] == '/' || path[fault.length] == '\0');
}

/* The path of a descriptor; empty for what is no file. */
static void path_of(int fd, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  path[length > 0 ? length : 0] = '\0';
}

/* An absolute form of `name` relative to the open folder `at`; not normalised. */
static void path_at(int at, const char* name, char* path) {
  size_t used = 0;
  if (*name != '/') {
    if (at == AT_FDCWD) {
      if (syscall(SYS_getcwd, path, PATH_MAX) < 0) *path = '\0';
    } else {
      path_of(at, path);
    }
    used = strlen(path);
    if (used + 1 < PATH_MAX) path[used++] = '/';
  }
  snprintf(path + used, PATH_MAX - used, "%s", name);
}

/* Counts a call. True: it must fail, errno is set. */
static int fails(int kind, const char* path) {
  if (fault.counts == NULL || !is_below(path)) return 0;
  const unsigned long number = atomic_fetch_add(&fault.counts[kind], 1) + 1;
  const int failing = kind == fault.kind && number == fault.number;
  if (fault.trace >= 0) {
    char line[PATH_MAX + 32];
    const int length =
        snprintf(line, sizeof line, "%s%s %s\n", failing ? "FAILED " : "", kind_names[kind], path + fault.length);
    syscall(SYS_write, fault.trace, line, (size_t)length);
  }
  if (failing) errno = fault.error;
  return failing;
}

static int fails_at(int kind, int at, const char* name) {
  if (fault.counts == NULL) return 0;
  char path[PATH_MAX];
  path_at(at, name, path);
  return fails(kind, path);
}

static int fails_fd(int kind, int fd) {
  if (fault.counts == NULL) return 0;
  const int before = errno;
  char path[PATH_MAX];
  path_of(fd, path);
  errno = before;
  return fails(kind, path);
}

/* The C library's function of the same name. */
#define REAL(name, type, ...)       \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define MODE_OF_OPEN(flags)                \
  mode_t mode = 0;                         \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list more;                          \
    va_start(more, flags);                 \
    mode = (mode_t)va_arg(more, int);      \
    va_end(more);                          \
  }

#define DEFINE_OPEN(name)                                                 \
  int name(const char* path, int flags, ...) {                            \
    MODE_OF_OPEN(flags)                                                   \
    REAL(#name, int, const char*, int, ...);                              \
    return fails_at(OPEN, AT_FDCWD, path) ? -1 : real(path, flags, mode); \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                             \
  int name(int at, const char* path, int flags, ...) {                  \
    MODE_OF_OPEN(flags)                                                 \
    REAL(#name, int, int, const char*, int, ...);                       \
    return fails_at(OPEN, at, path) ? -1 : real(at, path, flags, mode); \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

#define DEFINE_CHECKED_OPEN(name)                                   \
  int name(const char* path, int flags) {                           \
    REAL(#name, int, const char*, int);                             \
    return fails_at(OPEN, AT_FDCWD, path) ? -1 : real(path, flags); \
  }
DEFINE_CHECKED_OPEN(__open_2)
DEFINE_CHECKED_OPEN(__open64_2)

#define DEFINE_FOPEN(name)                                           \
  FILE* name(const char* path, const char* mode) {                   \
    REAL(#name, FILE*, const char*, const char*);                    \
    return fails_at(OPEN, AT_FDCWD, path) ? NULL : real(path, mode); \
  }
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

DIR* opendir(const char* path) {
  REAL("opendir", DIR*, const char*);
  return fails_at(OPEN, AT_FDCWD, path) ? NULL : real(path);
}

ssize_t read(int fd, void* out, size_t bytes) {
  REAL("read", ssize_t, int, void*, size_t);
  return fails_fd(READ, fd) ? -1 : real(fd, out, bytes);
}

#define DEFINE_PREAD(name)                                         \
  ssize_t name(int fd, void* out, size_t bytes, off64_t offset) {  \
    REAL(#name, ssize_t, int, void*, size_t, off64_t);             \
    return fails_fd(READ, fd) ? -1 : real(fd, out, bytes, offset); \
  }
DEFINE_PREAD(pread)
DEFINE_PREAD(pread64)

/* A short write takes half, but not nothing. */
static size_t half(size_t bytes) {
  return (bytes + 1) / 2;
}

ssize_t write(int fd, const void* data, size_t bytes) {
  REAL("write", ssize_t, int, const void*, size_t);
  if (!fails_fd(WRITE, fd)) return real(fd, data, bytes);
  return fault.error == SHORT ? real(fd, data, half(bytes)) : -1;
}

#define DEFINE_PWRITE(name)                                                 \
  ssize_t name(int fd, const void* data, size_t bytes, off64_t offset) {    \
    REAL(#name, ssize_t, int, const void*, size_t, off64_t);                \
    if (!fails_fd(WRITE, fd)) return real(fd, data, bytes, offset);         \
    return fault.error == SHORT ? real(fd, data, half(bytes), offset) : -1; \
  }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec* pieces, int count) {
  REAL("writev", ssize_t, int, const struct iovec*, int);
  if (!fails_fd(WRITE, fd)) return real(fd, pieces, count);
  return fault.error == SHORT ? write(fd, pieces[0].iov_base, half(pieces[0].iov_len)) : -1;
}

int fsync(int fd) {
  REAL("fsync", int, int);
  return fails_fd(FSYNC, fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL("fdatasync", int, int);
  return fails_fd(FSYNC, fd) ? -1 : real(fd);
}

#define DEFINE_FTRUNCATE(name)                            \
  int name(int fd, off64_t bytes) {                       \
    REAL(#name, int, int, off64_t);                       \
    return fails_fd(TRUNCATE, fd) ? -1 : real(fd, bytes); \
  }
DEFINE_FTRUNCATE(ftruncate)
DEFINE_FTRUNCATE(ftruncate64)

/* Closed all the same, as Linux does it. */
int close(int fd) {
  REAL("close", int, int);
  if (!fails_fd(CLOSE, fd)) return real(fd);
  const int error = errno;
  real(fd);
  errno = error;
  return -1;
}

/* A rename is counted by where it leads. */
int rename(const char* from, const char* to) {
  REAL("rename", int, const char*, const char*);
  return fails_at(RENAME, AT_FDCWD, to) ? -1 : real(from, to);
}

int renameat(int from_at, const char* from, int to_at, const char* to) {
  REAL("renameat", int, int, const char*, int, const char*);
  return fails_at(RENAME, to_at, to) ? -1 : real(from_at, from, to_at, to);
}

int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  REAL("renameat2", int, int, const char*, int, const char*, unsigned);
  return fails_at(RENAME, to_at, to) ? -1 : real(from_at, from, to_at, to, flags);
}

int mkdir(const char* path, mode_t mode) {
  REAL("mkdir", int, const char*, mode_t);
  return fails_at(MKDIR, AT_FDCWD, path) ? -1 : real(path, mode);
}

int mkdirat(int at, const char* path, mode_t mode) {
  REAL("mkdirat", int, int, const char*, mode_t);
  return fails_at(MKDIR, at, path) ? -1 : real(at, path, mode);
}

int unlink(const char* path) {
  REAL("unlink", int, const char*);
  return fails_at(UNLINK, AT_FDCWD, path) ? -1 : real(path);
}

int rmdir(const char* path) {
  REAL("rmdir", int, const char*);
  return fails_at(UNLINK, AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int at, const char* path, int flags) {
  REAL("unlinkat", int, int, const char*, int);
  return fails_at(UNLINK, at, path) ? -1 : real(at, path, flags);
}
