// The coefficients of the shipped solver `table`. What is accepted must keep what docs/formats/solver-tables.md says.

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "tests/fuzz/fuzz_input.h"

extern "C" {
#include "plugins/table/read_table.h"
}

namespace {

void expect_small(const double* values, int count) {
  for (int i = 0; i < count; ++i) {
    if (!(std::fabs(values[i]) <= 1e6)) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  char error[160] = "";
  const std::unique_ptr<table, decltype(&table_free)> read(table_read(text.c_str(), size, error, sizeof error),
                                                           table_free);
  if (!read) {
    if (error[0] == '\0' || std::memchr(error, '\0', sizeof error) == nullptr) __builtin_trap();
    return 0;
  }
  const int n = read->size;
  if (read->kind == TABLE_RUNGE_KUTTA) {
    expect_small(read->a, n * (n - 1) / 2);
    expect_small(read->b, n);
    if (n < 1 || n > TABLE_MOST_STAGES || read->c[0] != 0) __builtin_trap();
  } else {
    expect_small(read->row, n * (n + 3) / 2);
    if (n < 1 || n > TABLE_MOST_STEPS || read->t[0] != 0 || read->t[n] != 1) __builtin_trap();
  }
  return 0;
}
