#pragma once
// The one door to standard output and standard error: what goes through it cannot steer a terminal (core/plain_text.h),
// and a reader that goes away (`| head`, a closed window, a dead log collector) neither ends the work nor changes how
// the command ends. Log lines (core/log.h) have the same two properties.
//
// Needs SIGPIPE to be ignored (core/process_setup.h). Thread-safety: as C's streams; one call is one write.

#include <string_view>

namespace pathline {

/// Results for people, on standard output. Where nobody reads them any more, they are dropped; that a disk is full is
/// kept for finish_output().
void print_out(std::string_view text);
/// Results for programs (JSON, INI), byte for byte; on a terminal as print_out().
void print_data(std::string_view text);
/// Messages, on standard error. Never fails.
void print_err(std::string_view text);

/// A line that is drawn over itself on a terminal, on standard error; and its end.
void draw_line(std::string_view text);
void clear_line();

/// At the end of a command: Error(file_system) if something printed on standard output was lost to anything but a
/// reader that went away.
void finish_output();

}  // namespace pathline
