#pragma once
// fmt::print for the command: through core/terminal.h, so that a reader that goes away and hostile names do no harm.
// A name from outside within a line of a table goes in as plain_line(name). Thread-safety: as core/terminal.h.

#include <utility>

#include <fmt/format.h>

#include "core/plain_text.h"
#include "core/terminal.h"

namespace pathline::tools {

/// Results, on standard output.
template <typename... Values>
void print(fmt::format_string<Values...> format, Values&&... values) {
  print_out(fmt::format(format, std::forward<Values>(values)...));
}

/// Messages, on standard error.
template <typename... Values>
void tell(fmt::format_string<Values...> format, Values&&... values) {
  print_err(fmt::format(format, std::forward<Values>(values)...));
}

}  // namespace pathline::tools
