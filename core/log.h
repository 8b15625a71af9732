#pragma once
// Log lines on stderr with level and, under mpirun, the rank. Format messages with fmt::format.
// Control characters in a message do not reach the terminal (core/plain_text.h); a stderr that nobody reads is no
// error. Thread-safe. Results never go through here: they belong on stdout or in files.

#include <string_view>

namespace pathline {

/// Called once at start. `ranks` > 1 adds "[rank/ranks]" to each line. Ranks above 0 show warnings and errors only;
/// `verbose` shows everything on every rank.
void setup_logging(int rank, int ranks, bool verbose = false);

void log_debug(std::string_view message);
void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

}  // namespace pathline
