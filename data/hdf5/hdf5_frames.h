#pragma once
// What `hdf5-read` sends to the process that started it, in this order: the facts, the labels if there are any, rows as
// long as they are taken; in place of any of them an error, which is the last. Each is a frame: this header, then so
// many bytes. Facts and errors are JSON; labels are int64; rows are whole samples as in the file.
//
// The receiver takes nothing for granted: who reads hostile files may have been made to send anything.

#include <cstdint>
#include <string>

#include "core/error.h"
#include "data/hdf5/hdf5_array.h"

namespace pathline::data {

enum class FrameKind : std::uint64_t { facts = 1, labels = 2, rows = 3, error = 4 };

struct FrameHeader {
  FrameKind kind;
  std::uint64_t bytes;
};

/// A frame of rows holds at most so many bytes, or one row.
constexpr std::uint64_t rows_frame_bytes = std::uint64_t{1} << 20;

std::string to_text(const Hdf5ArrayFacts& facts);
std::string to_text(const Error& error);
/// Throw Error(bad_input) at `place` for what the above did not make.
Hdf5ArrayFacts facts_from_text(const std::string& text, const std::filesystem::path& file);
Error error_from_text(const std::string& text, const std::string& place);

}  // namespace pathline::data
