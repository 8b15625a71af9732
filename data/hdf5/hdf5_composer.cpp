#include "data/hdf5/hdf5_composer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace pathline::data {

namespace {

constexpr std::size_t page = 4096;

// Version 2 and 3 superblocks hold the end-of-file address at byte 28 (HDF5 File Format Specification, "Superblock",
// versions 2 and 3).
constexpr std::size_t superblock_version_at = 8, end_of_file_at = 28, superblock_bytes = 48;

}  // namespace

struct Hdf5Composer::Image {
  void* bytes = nullptr;
  std::size_t size = 0;
  ~Image() { std::free(bytes); }

  // HDF5 asks these functions for the core driver's memory, and instead of freeing it on close leaves it to us.
  static void* allocate(std::size_t size, H5FD_file_image_op_t, void* image) {
    static_cast<Image*>(image)->size = size;
    return std::malloc(size);
  }
  static void* copy(void* to, const void* from, std::size_t size, H5FD_file_image_op_t, void*) {
    return std::memcpy(to, from, size);
  }
  static void* reallocate(void* bytes, std::size_t size, H5FD_file_image_op_t, void* image) {
    void* moved = std::realloc(bytes, size);
    if (moved != nullptr) static_cast<Image*>(image)->size = size;
    return moved;
  }
  static herr_t release(void* bytes, H5FD_file_image_op_t operation, void* image) {
    if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
      static_cast<Image*>(image)->bytes = bytes;
    } else {
      std::free(bytes);
    }
    return 0;
  }
  // Every copy of the property list shares the one Image, which outlives the file.
  static void* share(void* image) { return image; }
  static herr_t unshare(void*) { return 0; }
};

Hdf5Composer::Hdf5Composer() : image_(std::make_unique<Image>()) {
  const Hdf5Scope scope;
  auto access = require_handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make a property list");
  require_hdf5(H5Pset_fapl_core(access.get(), page, false) >= 0, "choose the core driver");
  require_hdf5(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0, "set the format bounds");
  // Page-aligned data: one page fault fewer per image, and ready for direct I/O.
  require_hdf5(H5Pset_alignment(access.get(), page, page) >= 0, "set the alignment");
  // Metadata gather in blocks of this size, the first of them at the start of the file.
  require_hdf5(H5Pset_meta_block_size(access.get(), page) >= 0, "set the metadata block size");
  H5FD_file_image_callbacks_t callbacks = {Image::allocate, Image::copy,    Image::reallocate, Image::release,
                                           Image::share,    Image::unshare, image_.get()};
  require_hdf5(H5Pset_file_image_callbacks(access.get(), &callbacks) >= 0, "set the memory functions");

  auto creation = require_handle(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "make a property list");
  require_hdf5(H5Pset_obj_track_times(creation.get(), false) >= 0, "turn off time stamps");
  file_ =
      require_handle(H5Fcreate("in-memory.h5", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose, "start a file");
}

Hdf5Composer::~Hdf5Composer() {
  const Hdf5Scope scope;
  file_.close();
}

void Hdf5Composer::group(const std::string& path, std::size_t links) {
  const Hdf5Scope scope;
  auto properties = require_handle(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, "make a property list");
  require_hdf5(H5Pset_obj_track_times(properties.get(), false) >= 0, "turn off time stamps");
  constexpr std::size_t usual = 8;  // links that stay in the header by default
  if (links > usual) {
    require_hdf5(H5Pset_link_phase_change(properties.get(), static_cast<unsigned>(links), 0) >= 0,
                 "keep links in the header");
  }
  require_handle(H5Gcreate2(file_.get(), path.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Gclose,
                 "make a group");
}

void Hdf5Composer::dataset(const std::string& path, hid_t type, const std::vector<hsize_t>& dims, const void* data) {
  const Hdf5Scope scope;
  auto space = require_handle(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose,
                              "make a data space");
  auto properties = require_handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make a property list");
  // Early allocation fixes the place of the data now; the fill value would only be written to be overwritten.
  require_hdf5(H5Pset_layout(properties.get(), H5D_CONTIGUOUS) >= 0, "choose the layout");
  require_hdf5(H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY) >= 0, "ask for early allocation");
  require_hdf5(H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER) >= 0, "turn off fill values");
  require_hdf5(H5Pset_obj_track_times(properties.get(), false) >= 0, "turn off time stamps");
  auto set = require_handle(
      H5Dcreate2(file_.get(), path.c_str(), type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Dclose,
      "make a dataset");

  std::uint64_t bytes = H5Tget_size(type);
  for (const hsize_t extent : dims) bytes *= extent;
  if (bytes == 0) return;
  if (data == nullptr) throw std::logic_error("Hdf5Composer: no data for " + path);
  const haddr_t offset = H5Dget_offset(set.get());
  require_hdf5(offset != HADDR_UNDEF && H5Dget_storage_size(set.get()) == bytes, "place a dataset");
  extents_.push_back({offset, bytes, data});
}

void Hdf5Composer::attribute(const std::string& path, const std::string& name, hid_t type,
                             const std::vector<hsize_t>& dims, const void* value) {
  const Hdf5Scope scope;
  auto space = dims.empty() ? require_handle(H5Screate(H5S_SCALAR), H5Sclose, "make a data space")
                            : require_handle(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                                             H5Sclose, "make a data space");
  auto made = require_handle(H5Acreate_by_name(file_.get(), path.c_str(), name.c_str(), type, space.get(), H5P_DEFAULT,
                                               H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose, "make an attribute");
  require_hdf5(H5Awrite(made.get(), type, value) >= 0, "write an attribute");
}

void Hdf5Composer::attribute(const std::string& path, const std::string& name, const std::string& text) {
  const Hdf5Scope scope;
  auto type = require_handle(H5Tcopy(H5T_C_S1), H5Tclose, "make a string type");
  require_hdf5(H5Tset_size(type.get(), text.size() + 1) >= 0, "size a string type");
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!ascii) require_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0, "choose UTF-8");
  attribute(path, name, type.get(), {}, text.c_str());
}

void Hdf5Composer::attribute(const std::string& path, const std::string& name, std::int64_t value) {
  const Hdf5Scope scope;  // H5T_… names below initialise the library
  attribute(path, name, H5T_STD_I64LE, {}, &value);
}

void Hdf5Composer::attribute(const std::string& path, const std::string& name, double value) {
  const Hdf5Scope scope;
  attribute(path, name, H5T_IEEE_F64LE, {}, &value);
}

void Hdf5Composer::write(DurableFile& file, Sha256* hash) {
  const Hdf5Scope scope;
  if (!file_) throw std::logic_error("Hdf5Composer::write called twice");
  require_hdf5(file_.close(), "finish the layout");
  const auto* metadata = static_cast<const unsigned char*>(image_->bytes);
  require_hdf5(metadata != nullptr && image_->size >= superblock_bytes && metadata[superblock_version_at] >= 2,
               "write the superblock");
  std::uint64_t file_bytes = 0;
  for (int i = 7; i >= 0; --i) file_bytes = file_bytes << 8 | metadata[end_of_file_at + i];

  const auto emit = [&](const void* data, std::size_t bytes) {
    file.write(data, bytes);
    if (hash != nullptr) hash->update(data, bytes);
  };
  // Bytes that belong to no dataset: metadata as far as the driver's memory goes, zeros beyond.
  const std::vector<unsigned char> zeros(page);
  const auto emit_metadata = [&](std::uint64_t from, std::uint64_t to) {
    const std::uint64_t held = std::clamp<std::uint64_t>(image_->size, from, to);
    if (held > from) emit(metadata + from, held - from);
    for (std::uint64_t at = held; at < to;) {
      const std::uint64_t bytes = std::min<std::uint64_t>(to - at, page);
      emit(zeros.data(), bytes);
      at += bytes;
    }
  };

  std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) { return a.offset < b.offset; });
  std::uint64_t at = 0;
  for (const Extent& extent : extents_) {
    require_hdf5(extent.offset >= at && extent.offset + extent.bytes <= file_bytes,
                 "lay the datasets out one after another");
    emit_metadata(at, extent.offset);
    emit(extent.data, extent.bytes);
    at = extent.offset + extent.bytes;
  }
  emit_metadata(at, file_bytes);
}

}  // namespace pathline::data
