#define _GNU_SOURCE /* strtod_l */
#include "read_table.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST = 1e6, SUM_TOLERANCE = 1e-9;

/* Where the reader is, and the first thing that went wrong. */
typedef struct {
  const char* at; /* start of the next line */
  const char* end;
  const char* begin_of_line; /* the line that was taken last, and its end */
  const char* end_of_line;
  int number; /* of that line, from 1 */
  locale_t locale;
  char* error;
  size_t error_size;
  int failed;
} reader;

static int fail(reader* r, const char* format, ...) {
  if (r->failed) return 0;
  r->failed = 1;
  const int used = snprintf(r->error, r->error_size, "line %d: ", r->number);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(r->error + used, r->error_size - (size_t)used, format, arguments);
  va_end(arguments);
  return 0;
}

static int is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Takes the next line; 0 at the end of the text. */
static int next_line(reader* r) {
  if (r->at == r->end) return 0;
  const char* const newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
  r->begin_of_line = r->at;
  r->end_of_line = newline ? newline : r->end;
  r->at = newline ? newline + 1 : r->end;
  ++r->number;
  return 1;
}

/* The next word of the line from *at on; its length, 0 at the end of the line. */
static size_t next_word(const reader* r, const char** at) {
  while (*at < r->end_of_line && is_blank(**at)) ++*at;
  const char* stop = *at;
  while (stop < r->end_of_line && !is_blank(*stop)) ++stop;
  return (size_t)(stop - *at);
}

/* Takes the next line that means something; 0 at the end of the text. */
static int next_meaningful_line(reader* r) {
  while (next_line(r)) {
    const char* at = r->begin_of_line;
    if (*r->begin_of_line != '#' && next_word(r, &at) > 0) return 1;
  }
  return 0;
}

/* The next line must begin with `keyword`; *at is where its values begin. */
static int expect(reader* r, const char* keyword, const char** at) {
  if (r->failed) return 0;
  if (!next_meaningful_line(r)) {
    return fail(r, "the file ends here; expected '%s' (was it cut short?)", keyword);
  }
  *at = r->begin_of_line;
  const size_t length = next_word(r, at);
  if (length != strlen(keyword) || memcmp(*at, keyword, length) != 0) {
    return fail(r, "expected '%s', found '%.*s'", keyword, (int)(length < 40 ? length : 40), *at);
  }
  *at += length;
  return 1;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
static int is_number(const char* word, size_t length) {
  const char *c = word, *const end = word + length;
  int digits = 0, exponent_digits = 0;
  if (c < end && (*c == '+' || *c == '-')) ++c;
  while (c < end && is_digit(*c)) ++c, ++digits;
  if (c < end && *c == '.') ++c;
  while (c < end && is_digit(*c)) ++c, ++digits;
  if (!digits) return 0;
  if (c == end) return 1;
  if (*c != 'e' && *c != 'E') return 0;
  ++c;
  if (c < end && (*c == '+' || *c == '-')) ++c;
  while (c < end && is_digit(*c)) ++c, ++exponent_digits;
  return c == end && exponent_digits > 0;
}

/* `count` numbers up to the end of the line. */
static int read_values(reader* r, const char* at, int count, double* values) {
  int found = 0;
  for (size_t length; (length = next_word(r, &at)) > 0; at += length, ++found) {
    if (found >= count) continue; /* only counted */
    if (!is_number(at, length)) {
      return fail(r, "expected a decimal number, found '%.*s'", (int)(length < 40 ? length : 40), at);
    }
    values[found] = strtod_l(at, NULL, r->locale); /* stops at the blank, newline or NUL behind the word */
    if (!(fabs(values[found]) <= LARGEST)) {
      return fail(r, "%.*s is too large: expected at most 1e6", (int)(length < 40 ? length : 40), at);
    }
  }
  return found == count || fail(r, "expected %d values, found %d", count, found);
}

static int expect_values(reader* r, const char* keyword, int count, double* values) {
  const char* at;
  return expect(r, keyword, &at) && read_values(r, at, count, values);
}

static int expect_count(reader* r, const char* keyword, int most, int* count) {
  const char* at;
  if (!expect(r, keyword, &at)) return 0;
  size_t length = next_word(r, &at), digits = 0;
  *count = 0;
  while (digits < length && digits < 6 && is_digit(at[digits])) *count = 10 * *count + (at[digits++] - '0');
  const char* rest = at + length;
  if (length == 0 || digits != length || next_word(r, &rest) > 0 || *count < 1 || *count > most) {
    return fail(r, "expected %s with one whole number from 1 to %d", keyword, most);
  }
  return 1;
}

static double* allocate(reader* r, int count) {
  double* const values = calloc((size_t)count + 1, sizeof *values);
  if (!values) fail(r, "out of memory");
  return values;
}

static double sum_of(const double* values, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += values[i];
  return sum;
}

static int read_runge_kutta(reader* r, table* result) {
  if (!expect_count(r, "stages", TABLE_MOST_STAGES, &result->size)) return 0;
  const int stages = result->size;
  result->c = allocate(r, stages);
  result->a = allocate(r, stages * (stages - 1) / 2);
  result->b = allocate(r, stages);
  if (r->failed || !expect_values(r, "c", stages, result->c)) return 0;
  if (result->c[0] != 0) return fail(r, "the first time is %.17g; expected 0", result->c[0]);
  for (int i = 0; i < stages; ++i) {
    if (!(result->c[i] >= 0 && result->c[i] <= 1)) return fail(r, "%.17g is outside [0, 1]", result->c[i]);
  }
  double* row = result->a;
  for (int i = 1; i < stages; row += i++) {
    if (!expect_values(r, "a", i, row)) return 0;
    const double sum = sum_of(row, i);
    if (!(fabs(sum - result->c[i]) <= SUM_TOLERANCE)) {
      return fail(r, "the sum is %.17g; expected the time %.17g of stage %d", sum, result->c[i], i);
    }
  }
  if (!expect_values(r, "b", stages, result->b)) return 0;
  const double sum = sum_of(result->b, stages);
  return fabs(sum - 1) <= SUM_TOLERANCE || fail(r, "the sum is %.17g; expected 1", sum);
}

static int read_non_stationary(reader* r, table* result) {
  if (!expect_count(r, "steps", TABLE_MOST_STEPS, &result->size)) return 0;
  const int steps = result->size;
  result->t = allocate(r, steps + 1);
  result->row = allocate(r, steps * (steps + 3) / 2);
  if (r->failed || !expect_values(r, "t", steps + 1, result->t)) return 0;
  if (result->t[0] != 0 || result->t[steps] != 1) {
    return fail(r, "the times run from %.17g to %.17g; expected exactly 0 to exactly 1", result->t[0],
                result->t[steps]);
  }
  for (int i = 0; i < steps; ++i) {
    if (!(result->t[i] < result->t[i + 1])) {
      return fail(r, "expected strictly ascending times, found %.17g after %.17g", result->t[i + 1], result->t[i]);
    }
  }
  double* row = result->row;
  for (int i = 0; i < steps; row += i++ + 2) {
    if (!expect_values(r, "step", i + 2, row)) return 0;
  }
  return 1;
}

static int read_all(reader* r, table* result) {
  static const char first_line[] = "pathline-table 1", *const runge_kutta = "runge-kutta",
                    *const non_stationary = "non-stationary";
  if (!next_line(r)) r->number = 1;
  const char* at = r->begin_of_line;
  size_t length = (size_t)(r->end_of_line - at);
  while (length > 0 && is_blank(at[length - 1])) --length;
  if (length != strlen(first_line) || memcmp(at, first_line, length) != 0) {
    return fail(r, "expected '%s': not a solver table, or of another version", first_line);
  }
  if (!expect(r, "kind", &at)) return 0;
  length = next_word(r, &at);
  const char* rest = at + length;
  const int alone = next_word(r, &rest) == 0;
  if (alone && length == strlen(runge_kutta) && memcmp(at, runge_kutta, length) == 0) {
    result->kind = TABLE_RUNGE_KUTTA;
    if (!read_runge_kutta(r, result)) return 0;
  } else if (alone && length == strlen(non_stationary) && memcmp(at, non_stationary, length) == 0) {
    result->kind = TABLE_NON_STATIONARY;
    if (!read_non_stationary(r, result)) return 0;
  } else {
    return fail(r, "expected kind %s or %s", runge_kutta, non_stationary);
  }
  if (!expect_values(r, "end", 0, NULL)) return 0;
  return !next_meaningful_line(r) || fail(r, "expected nothing after 'end'");
}

table* table_read(const char* text, size_t size, char* error, size_t error_size) {
  reader r = {.at = text,
              .end = text + size,
              .begin_of_line = text,
              .end_of_line = text,
              .error = error,
              .error_size = error_size};
  if (size > TABLE_MOST_BYTES || memchr(text, '\0', size)) {
    snprintf(error, error_size, "expected a text of at most %d bytes", TABLE_MOST_BYTES);
    return NULL;
  }
  r.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* the point is a point, whatever the program's locale */
  table* const result = r.locale ? calloc(1, sizeof *result) : NULL;
  if (!result) fail(&r, "out of memory");
  const int whole = result && read_all(&r, result);
  if (r.locale) freelocale(r.locale);
  if (whole) return result;
  table_free(result);
  return NULL;
}

void table_free(table* read) {
  if (!read) return;
  free(read->c);
  free(read->a);
  free(read->b);
  free(read->t);
  free(read->row);
  free(read);
}
