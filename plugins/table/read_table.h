#ifndef PATHLINE_PLUGINS_READ_TABLE_H
#define PATHLINE_PLUGINS_READ_TABLE_H
/* Reads the text format of docs/formats/solver-tables.md, version 1, and checks all that the page asks for. */

#include <stddef.h>

enum { TABLE_MOST_STAGES = 32, TABLE_MOST_STEPS = 256, TABLE_MOST_BYTES = 1 << 20 };

typedef enum { TABLE_RUNGE_KUTTA, TABLE_NON_STATIONARY } table_kind;

typedef struct {
  table_kind kind;
  int size;    /* stages, or steps */
  double* c;   /* stages: `size` values */
  double* a;   /* stages: rows 1, 2, ... one after another, row i of i values */
  double* b;   /* stages: `size` values */
  double* t;   /* steps: size + 1 values */
  double* row; /* steps: rows 0, 1, ... one after another, row i of i + 2 values: a_i, b_i0 ... b_ii */
} table;

/* `text`: `size` bytes and a NUL. NULL on failure, with the reason ("line 7: expected 3 values, found 2") in `error`.
 */
table* table_read(const char* text, size_t size, char* error, size_t error_size);
void table_free(table* read);

#endif
