#pragma once
// Text that cannot steer a terminal. Names of files, classes, solvers and whatever else comes from outside may hold
// escape sequences that colour, move, retitle or answer; shown as they are, they act.
// Thread-safety: no state.

#include <string>
#include <string_view>

namespace pathline {

/// `text` with each of these as '?': control characters (C0 but line breaks and tabs, DEL, C1), marks that turn the
/// direction of what follows (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), and bytes that are not
/// UTF-8.
std::string plain_text(std::string_view text);
/// The same for a name within a line: line breaks (also U+2028, U+2029) and tabs are replaced, too.
std::string plain_line(std::string_view text);
/// The same as plain_text, for one message: its second line and those after are indented by two spaces at least, so
/// that a line break from outside begins no line that looks like a message of the program's own.
std::string plain_message(std::string_view text);

}  // namespace pathline
