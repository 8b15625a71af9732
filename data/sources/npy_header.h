#pragma once
// The header of a .npy array, versions 1 to 3 (numpy.lib.format): magic, version, length, and a Python dictionary
// literal with exactly the keys descr, fortran_order and shape. Parsed strictly, never evaluated.

#include <cstdint>
#include <string>
#include <vector>

#include "data/sources/byte_stream.h"

namespace pathline::data {

struct NpyHeader {
  std::string descr;  ///< "<f4", "|u1"
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
  std::uint64_t values() const;  ///< REQUIRES: the product was checked, as read_npy_header() does
};

/// Reads up to the first value. Error(bad_input) for anything else than this, structured types included, and where the
/// dimensions multiply beyond 2^62.
NpyHeader read_npy_header(ByteStream& stream);

}  // namespace pathline::data
