#include "data/hdf5/hdf5_rows.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <zlib.h>

#include "core/error.h"
#include "data/sources/deflate_bound.h"

namespace pathline::data {

namespace {

constexpr std::uint64_t plain_block = std::uint64_t{8} << 20;    // bytes
constexpr std::uint64_t largest_block = std::uint64_t{1} << 30;  // bytes
constexpr std::size_t checksum_bytes = 4;

/// HDF5's fletcher32: two running sums of big-endian 16-bit words modulo 2^16 - 1; an odd byte is the high half of one
/// more word (HDF5 File Format Specification, filter 3).
std::uint32_t fletcher32(const std::byte* data, std::size_t bytes) {
  std::uint32_t low = 0, high = 0;
  constexpr std::size_t words_before_overflow = 360;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffff) + (sum >> 16); };
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t end = std::min(bytes, at + 2 * words_before_overflow);
    for (; at < end; at += 2) {
      const auto first = static_cast<std::uint32_t>(data[at]) << 8;
      low += first | (at + 1 < bytes ? static_cast<std::uint32_t>(data[at + 1]) : 0);
      high += low;
    }
    low = fold(low);
    high = fold(high);
  }
  return fold(high) << 16 | fold(low);
}

/// Undoes the shuffle filter: byte b of every value lies together.
std::vector<std::byte> unshuffled(const std::vector<std::byte>& in, std::size_t item) {
  const std::size_t count = in.size() / item;
  std::vector<std::byte> out(in);  // a rest shorter than an item stays at the end
  for (std::size_t b = 0; b < item; ++b) {
    for (std::size_t i = 0; i < count; ++i) out[i * item + b] = in[b * count + i];
  }
  return out;
}

}  // namespace

void Hdf5Rows::fail(const std::string& message, const std::string& hint) const {
  throw Error(ExitCode::bad_input, message, path_.string() + ":" + object_, hint);
}

Hdf5Rows::Hdf5Rows(hid_t file, const std::string& object, const std::filesystem::path& path)
    : path_(path), object_(object) {
  const Hdf5Scope scope;
  dataset_ = open_dataset_to_read(file, object, path);
  facts_ = inspect_dataset(dataset_.get(), object, path);
  if (facts_.dims.empty()) fail("a single value; expected an array");
  if (facts_.declared_bytes == 0) fail("the array is empty: dimensions " + format_dims(facts_.dims));
  row_bytes_ = facts_.declared_bytes / facts_.dims[0];
  hsize_t file_bytes = 0;
  require_hdf5(H5Fget_filesize(file, &file_bytes) >= 0, "tell the size of a file");
  if (row_bytes_ > largest_block) fail(fmt::format("one sample has {} bytes; at most 1 GiB is read", row_bytes_));
  if (facts_.layout != H5D_CHUNKED) {
    if (facts_.stored_bytes != facts_.declared_bytes)
      fail(fmt::format("expected {} bytes of data, found {}: the dataset was never written", facts_.declared_bytes,
                       facts_.stored_bytes));
    if (facts_.layout == H5D_CONTIGUOUS &&
        (facts_.offset > file_bytes || facts_.stored_bytes > file_bytes - facts_.offset))
      fail(fmt::format("its {} bytes at offset {} pass the end of the file ({} bytes)", facts_.stored_bytes,
                       facts_.offset, file_bytes));
    block_rows_ = std::clamp<std::uint64_t>(plain_block / row_bytes_, 1, count());
    return;
  }
  const Hdf5Handle properties =
      require_handle(H5Dget_create_plist(dataset_.get()), H5Pclose, "read dataset properties");
  chunk_.resize(facts_.dims.size());
  if (H5Pget_chunk(properties.get(), static_cast<int>(chunk_.size()), chunk_.data()) != static_cast<int>(chunk_.size()))
    fail("its chunks have another number of dimensions");
  std::uint64_t bytes = facts_.item_bytes;
  for (const hsize_t extent : chunk_) {
    if (extent == 0 || bytes > largest_block / extent)
      fail("chunks of " + format_dims(chunk_) + " values; at most 1 GiB is read",
           "rewrite the file with smaller chunks, for example with h5repack -l CHUNK=…");
    bytes *= extent;
  }
  chunk_bytes_ = bytes;
  const bool deflated = std::count(facts_.filters.begin(), facts_.filters.end(), H5Z_FILTER_DEFLATE) > 0;
  const std::uint64_t most_bytes = deflated ? most_inflated(file_bytes) : file_bytes;
  block_rows_ = std::min<std::uint64_t>(chunk_[0], count());
  if (block_rows_ > largest_block / row_bytes_)
    fail(fmt::format("a row of chunks has {} samples of {} bytes; at most 1 GiB is read", block_rows_, row_bytes_),
         "rewrite the file with fewer samples in a chunk, for example with h5repack -l CHUNK=…");
  if (chunk_bytes_ > most_bytes || block_rows_ * row_bytes_ > most_bytes)
    fail(fmt::format("chunks of {} values cannot be in a file of {} bytes", format_dims(chunk_), file_bytes));
}

const std::byte* Hdf5Rows::row(std::uint64_t number) {
  if (block_count_ == 0 || number < block_first_ || number >= block_first_ + block_count_) {
    const Hdf5Scope scope;
    block_first_ = number / block_rows_ * block_rows_;
    block_count_ = std::min(block_rows_, count() - block_first_);
    block_.resize(block_count_ * row_bytes_);
    if (chunk_.empty()) {
      load_plain();
    } else {
      load_chunks();
    }
  }
  return block_.data() + (number - block_first_) * row_bytes_;
}

void Hdf5Rows::load_plain() {
  std::vector<hsize_t> start(facts_.dims.size(), 0), extent = facts_.dims;
  start[0] = block_first_;
  extent[0] = block_count_;
  const auto space = require_handle(H5Dget_space(dataset_.get()), H5Sclose, "read a data space");
  const auto memory = require_handle(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                                     H5Sclose, "make a data space");
  const auto type = require_handle(H5Dget_type(dataset_.get()), H5Tclose, "read a type");
  require_hdf5(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) >= 0,
               "choose rows");
  if (H5Dread(dataset_.get(), type.get(), memory.get(), space.get(), H5P_DEFAULT, block_.data()) < 0)
    fail(fmt::format("samples {} to {} cannot be read: {}", block_first_, block_first_ + block_count_ - 1,
                     hdf5_reason()));
}

void Hdf5Rows::load_chunks() {
  std::vector<hsize_t> offset(facts_.dims.size(), 0);
  offset[0] = block_first_;
  while (true) {
    load_chunk(offset);
    std::size_t d = offset.size();
    while (--d > 0) {  // like an odometer; the first dimension stands still
      offset[d] += chunk_[d];
      if (offset[d] < facts_.dims[d]) break;
      offset[d] = 0;
    }
    if (d == 0) return;
  }
}

void Hdf5Rows::load_chunk(const std::vector<hsize_t>& offset) {
  const auto where = [&] { return "the chunk at " + format_dims(offset); };
  // Both tell the size; the first goes through all chunks up to this one, the second says what it should be, not what
  // H5Dread_chunk is about to read, where there are no filters.
  hsize_t size = 0;
  haddr_t address = HADDR_UNDEF;
  const herr_t found = facts_.filters.empty()
                           ? H5Dget_chunk_info_by_coord(dataset_.get(), offset.data(), nullptr, &address, &size)
                           : H5Dget_chunk_storage_size(dataset_.get(), offset.data(), &size);
  if (found < 0) fail(where() + " cannot be looked up: " + hdf5_reason());
  if (size == 0) fail(where() + " was never written");
  // Deflate adds at most a few bytes per 16 KiB to what it cannot shrink.
  if (size > chunk_bytes_ + chunk_bytes_ / 16 + 1024)
    fail(fmt::format("{} takes {} bytes in the file for {} bytes of data", where(), size, chunk_bytes_));
  packed_.resize(size);
  std::uint32_t skipped = 0;
  if (H5Dread_chunk(dataset_.get(), H5P_DEFAULT, offset.data(), &skipped, packed_.data()) < 0)
    fail(where() + " cannot be read: " + hdf5_reason());
  unfilter(packed_, skipped);
  if (packed_.size() != chunk_bytes_)
    fail(fmt::format("{} holds {} bytes; expected {}", where(), packed_.size(), chunk_bytes_));
  place(packed_, offset);
}

void Hdf5Rows::unfilter(std::vector<std::byte>& chunk, unsigned skipped) const {
  for (std::size_t i = facts_.filters.size(); i-- > 0;) {
    if ((skipped >> i & 1) != 0) continue;
    switch (facts_.filters[i]) {
      case H5Z_FILTER_FLETCHER32: {
        if (chunk.size() < checksum_bytes) fail("a chunk is too short for its checksum");
        const std::size_t bytes = chunk.size() - checksum_bytes;
        std::uint32_t stored;
        std::memcpy(&stored, chunk.data() + bytes, sizeof stored);
        const std::uint32_t found = fletcher32(chunk.data(), bytes);
        if (stored != found)
          fail(fmt::format("a chunk is damaged: expected checksum {:08x}, found {:08x}", stored, found));
        chunk.resize(bytes);
        break;
      }
      case H5Z_FILTER_DEFLATE: {
        // A checksum taken before deflating travels inside.
        std::vector<std::byte> out(chunk_bytes_ + checksum_bytes);
        uLongf size = out.size();
        const int code = uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                                    reinterpret_cast<const Bytef*>(chunk.data()), chunk.size());
        if (code == Z_BUF_ERROR && size == out.size())
          fail(fmt::format("a chunk inflates beyond the {} bytes it declares", chunk_bytes_));
        if (code != Z_OK) fail("the deflated data of a chunk are damaged");
        out.resize(size);
        chunk = std::move(out);
        break;
      }
      case H5Z_FILTER_SHUFFLE:
        chunk = unshuffled(chunk, facts_.item_bytes);
        break;
      default:
        fail("an unknown filter");
    }
  }
}

/// Copies the part of a chunk that lies inside the array into the block.
void Hdf5Rows::place(const std::vector<std::byte>& chunk, const std::vector<hsize_t>& offset) {
  const std::size_t rank = offset.size();
  std::vector<hsize_t> at(rank, 0), extent(rank);
  for (std::size_t d = 0; d < rank; ++d) extent[d] = std::min(chunk_[d], facts_.dims[d] - offset[d]);
  const std::size_t run = extent[rank - 1] * facts_.item_bytes;
  while (true) {
    std::uint64_t from = 0, to = at[0];
    for (std::size_t d = 0; d < rank; ++d) from = from * chunk_[d] + at[d];
    for (std::size_t d = 1; d < rank; ++d) to = to * facts_.dims[d] + offset[d] + at[d];
    std::memcpy(block_.data() + to * facts_.item_bytes, chunk.data() + from * facts_.item_bytes, run);
    std::size_t d = rank - 1;
    while (d-- > 0) {
      if (++at[d] < extent[d]) break;
      at[d] = 0;
    }
    if (d == SIZE_MAX) return;
  }
}

}  // namespace pathline::data
