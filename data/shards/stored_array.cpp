#include "data/shards/stored_array.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/read/kernels/sample_kernels.h"

namespace pathline::data {

StoredArray::StoredArray(std::unique_ptr<ArrayBytes> source, std::uint64_t count, std::size_t value_bytes,
                         std::string place)
    : source_(std::move(source)), count_(count), value_bytes_(value_bytes), place_(std::move(place)) {}

void StoredArray::keep_in_memory() {
  if (cache_ == nullptr) cache_ = std::make_unique<ArrayCache>(count_, value_bytes_);
}

const std::byte* StoredArray::value(std::uint64_t local, std::byte* scratch, std::uint64_t checksum, const char* what,
                                    std::uint64_t id) const {
  const std::byte* bytes = cache_ != nullptr ? cache_->find(local, *source_) : nullptr;
  if (bytes == nullptr) {
    source_->read(local, 1, scratch);
    bytes = scratch;
  }
  const std::uint64_t found = kernels::sample_kernels().xxh3(bytes, value_bytes_);
  if (found != checksum) {
    throw Error(ExitCode::bad_input,
                fmt::format("{} {} is damaged: expected checksum {:016x}, found {:016x}", what, id, checksum, found),
                fmt::format("{}[{}]", place_, local),
                "restore the file from a copy, or make the shards anew with `pathline shards create`");
  }
  return bytes;
}

}  // namespace pathline::data
