#include "data/shards/array_bytes.h"

#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "data/hdf5/hdf5_guard.h"

namespace pathline::data {

namespace {

class PreadArrayBytes final : public ArrayBytes {
 public:
  PreadArrayBytes(std::shared_ptr<const FileDescriptor> fd, std::uint64_t offset, std::size_t value_bytes,
                  std::filesystem::path path, std::string object)
      : fd_(std::move(fd)),
        offset_(offset),
        value_bytes_(value_bytes),
        path_(std::move(path)),
        object_(std::move(object)) {}

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    const std::size_t bytes = count * value_bytes_;
    if (read_at(fd_->get(), out, bytes, offset_ + first * value_bytes_, path_) != bytes) {
      throw Error(ExitCode::bad_input,
                  fmt::format("the file ended in {0}[{1}] to {0}[{2}]: it was cut short after it was opened", object_,
                              first, first + count - 1),
                  path_.string(), "restore the file from a copy, and leave shards alone while they are read");
    }
  }
  void announce(std::uint64_t first, std::uint64_t count) const override {
    // Only advice: where the file system cannot take it, nothing is lost but time.
    (void)::posix_fadvise(fd_->get(), static_cast<off_t>(offset_ + first * value_bytes_),
                          static_cast<off_t>(count * value_bytes_), POSIX_FADV_WILLNEED);
  }

 private:
  std::shared_ptr<const FileDescriptor> fd_;
  std::uint64_t offset_;
  std::size_t value_bytes_;
  std::filesystem::path path_;
  std::string object_;
};

class Hdf5ArrayBytes final : public ArrayBytes {
 public:
  Hdf5ArrayBytes(const std::filesystem::path& path, const std::string& object, std::size_t value_bytes)
      : path_(path), object_(object) {
    const Hdf5Scope scope;
    // HDF5's sieve buffer of 64 KiB would read twenty values to deliver one.
    file_ = open_hdf5_to_read(path, value_bytes);
    dataset_ = open_dataset_to_read(file_.get(), object, path);
    type_ = require_handle(H5Dget_type(dataset_.get()), H5Tclose, "read a type");
    space_ = require_handle(H5Dget_space(dataset_.get()), H5Sclose, "read a data space");
    dims_.resize(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space_.get())));
    require_hdf5(H5Sget_simple_extent_dims(space_.get(), dims_.data(), nullptr) >= 0, "read dimensions");
  }
  ~Hdf5ArrayBytes() override {
    const std::lock_guard lock(one_at_a_time());
    for (Hdf5Handle* handle : {&space_, &type_, &dataset_, &file_}) handle->close();
  }

  void read(std::uint64_t first, std::uint64_t count, std::byte* out) const override {
    const std::lock_guard lock(one_at_a_time());
    const Hdf5Scope scope;
    std::vector<hsize_t> start(dims_.size()), extent = dims_;
    start[0] = first;
    extent[0] = count;
    const auto rank = static_cast<int>(dims_.size());
    const auto memory = require_handle(H5Screate_simple(rank, extent.data(), nullptr), H5Sclose, "make a data space");
    require_hdf5(H5Sselect_hyperslab(space_.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) >= 0,
                 "select values");
    // The file's type is the memory's: little-endian, as checked when the shard was opened.
    if (H5Dread(dataset_.get(), type_.get(), memory.get(), space_.get(), H5P_DEFAULT, out) < 0) {
      throw Error(ExitCode::bad_input,
                  fmt::format("HDF5 cannot read values {} to {}: {}", first, first + count - 1, hdf5_reason()),
                  path_.string() + ":" + object_, "the file is damaged, or was cut short after it was opened");
    }
  }
  void announce(std::uint64_t, std::uint64_t) const override {}

 private:
  /// HDF5 may be built without a lock of its own.
  static std::mutex& one_at_a_time() {
    static std::mutex mutex;
    return mutex;
  }
  std::filesystem::path path_;
  std::string object_;
  Hdf5Handle file_, dataset_, type_, space_;
  std::vector<hsize_t> dims_;
};

}  // namespace

std::unique_ptr<ArrayBytes> pread_array_bytes(std::shared_ptr<const FileDescriptor> fd, std::uint64_t offset,
                                              std::size_t value_bytes, std::filesystem::path path, std::string object) {
  return std::make_unique<PreadArrayBytes>(std::move(fd), offset, value_bytes, std::move(path), std::move(object));
}

std::unique_ptr<ArrayBytes> hdf5_array_bytes(const std::filesystem::path& path, const std::string& object,
                                             std::size_t value_bytes) {
  return std::make_unique<Hdf5ArrayBytes>(path, object, value_bytes);
}

}  // namespace pathline::data
