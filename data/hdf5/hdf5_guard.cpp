#include "data/hdf5/hdf5_guard.h"

#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/regular_file.h"

namespace pathline::data {

namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& object, const std::string& message,
                         const std::string& hint = {}) {
  throw Error(ExitCode::bad_input, message, path.string() + ":" + object, hint);
}

/// IEEE 754 binary16, for which HDF5 1.10 has no name of its own.
bool is_float16(hid_t type) {
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, fraction = 0, fraction_bits = 0;
  return H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == 2 && H5Tget_order(type) == H5T_ORDER_LE &&
         H5Tget_fields(type, &sign, &exponent, &exponent_bits, &fraction, &fraction_bits) >= 0 && sign == 15 &&
         exponent == 10 && exponent_bits == 5 && fraction == 0 && fraction_bits == 10 && H5Tget_ebias(type) == 15 &&
         H5Tget_norm(type) == H5T_NORM_IMPLIED;
}

std::string type_name(hid_t type) {
  const std::pair<hid_t, const char*> known[] = {
      {H5T_STD_U8LE, "uint8"},   {H5T_STD_I64LE, "int64"}, {H5T_STD_U64LE, "uint64"}, {H5T_IEEE_F32LE, "float32"},
      {H5T_STD_I8LE, "int8"},    {H5T_STD_I16LE, "int16"}, {H5T_STD_I32LE, "int32"},  {H5T_IEEE_F64LE, "float64"},
      {H5T_STD_U16LE, "uint16"}, {H5T_STD_U32LE, "uint32"}};
  for (const auto& [id, name] : known) {
    if (H5Tequal(type, id) > 0) return name;
  }
  if (is_float16(type)) return "float16";
  const char* kind = "another kind";
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      kind = H5Tget_sign(type) == H5T_SGN_NONE ? "unsigned integer" : "signed integer";
      break;
    case H5T_FLOAT:
      kind = "floating point";
      break;
    case H5T_STRING:
      kind = "string";
      break;
    case H5T_COMPOUND:
      kind = "compound";
      break;
    case H5T_REFERENCE:
      kind = "reference";
      break;
    case H5T_ENUM:
      kind = "enumeration";
      break;
    case H5T_VLEN:
      kind = "variable-length";
      break;
    default:
      break;
  }
  const char* order = H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "";
  return fmt::format("{}{} of {} bytes", order, kind, H5Tget_size(type));
}

}  // namespace

std::string format_dims(const std::vector<hsize_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

Hdf5Handle open_hdf5_to_read(const std::filesystem::path& file, std::size_t sieve_bytes) {
  require_regular_file(file, "this file");  // H5Fopen would wait at a named pipe
  const Hdf5Scope scope;
  auto access = require_handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make a property list");
  require_hdf5(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG) >= 0, "set the close degree");
  if (sieve_bytes > 0) require_hdf5(H5Pset_sieve_buf_size(access.get(), sieve_bytes) >= 0, "set the buffer size");
#if H5_VERSION_GE(1, 10, 7)
  require_hdf5(H5Pset_file_locking(access.get(), false, true) >= 0, "turn off file locking");
#endif
  Hdf5Handle opened{H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose};
  if (!opened) {
    throw Error(ExitCode::bad_input, "HDF5 cannot open this file: " + hdf5_reason(), file.string(),
                "the file is damaged, not whole, or not HDF5");
  }
  auto creation = require_handle(H5Fget_create_plist(opened.get()), H5Pclose, "read file properties");
  hsize_t user_block = 0;
  if (H5Pget_userblock(creation.get(), &user_block) < 0 || user_block != 0) {
    refuse(file, "/", fmt::format("the file begins with a user block of {} bytes; expected none", user_block));
  }
  return opened;
}

Hdf5Handle open_dataset_to_read(hid_t file, const std::string& object, const std::filesystem::path& path) {
  const Hdf5Scope scope;
  if (object.size() < 2 || object.front() != '/' || object.back() == '/') {
    refuse(path, object, "expected the path of a dataset, such as /images");
  }
  for (std::size_t end = object.find('/', 1);; end = object.find('/', end + 1)) {
    const std::string prefix = object.substr(0, end);
    const htri_t exists = H5Lexists(file, prefix.c_str(), H5P_DEFAULT);
    if (exists < 0) refuse(path, prefix, "cannot be looked up: " + hdf5_reason(), "the file's metadata are damaged");
    if (exists == 0)
      refuse(path, prefix, "no such object in this file", "list what it holds with: h5ls -r " + path.string());
    H5L_info_t info;
    if (H5Lget_info(file, prefix.c_str(), &info, H5P_DEFAULT) < 0)
      refuse(path, prefix, "cannot be looked up: " + hdf5_reason());
    if (info.type != H5L_TYPE_HARD) refuse(path, prefix, "this is a soft or external link; expected the object itself");
    if (end == std::string::npos) break;
  }
  Hdf5Handle opened{H5Oopen(file, object.c_str(), H5P_DEFAULT), H5Oclose};
  if (!opened) refuse(path, object, "cannot be opened: " + hdf5_reason(), "the file's metadata are damaged");
  if (H5Iget_type(opened.get()) != H5I_DATASET) refuse(path, object, "this is a group or a type; expected a dataset");
  return opened;
}

DatasetFacts inspect_dataset(hid_t dataset, const std::string& object, const std::filesystem::path& path) {
  const Hdf5Scope scope;
  DatasetFacts facts;
  const auto need = [&](hid_t id, Hdf5Handle::Close close) {
    if (id < 0) refuse(path, object, "cannot be read: " + hdf5_reason(), "the file's metadata are damaged");
    return Hdf5Handle{id, close};
  };

  const auto type = need(H5Dget_type(dataset), H5Tclose);
  facts.type = type_name(type.get());
  facts.item_bytes = H5Tget_size(type.get());

  const auto space = need(H5Dget_space(dataset), H5Sclose);
  const int rank = H5Sget_simple_extent_type(space.get()) == H5S_NULL ? -1 : H5Sget_simple_extent_ndims(space.get());
  if (rank < 0) refuse(path, object, "has no dimensions");
  facts.dims.resize(static_cast<std::size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space.get(), facts.dims.data(), nullptr) < 0) {
    refuse(path, object, "its dimensions cannot be read: " + hdf5_reason());
  }
  facts.declared_bytes = facts.item_bytes;
  for (const hsize_t extent : facts.dims) {
    if (extent != 0 && facts.declared_bytes > std::numeric_limits<std::int64_t>::max() / extent) {
      refuse(path, object,
             fmt::format("its dimensions {} multiply to more bytes than any file holds", format_dims(facts.dims)));
    }
    facts.declared_bytes *= extent;
  }

  const auto properties = need(H5Dget_create_plist(dataset), H5Pclose);
  facts.layout = H5Pget_layout(properties.get());
  if (facts.layout == H5D_VIRTUAL)
    refuse(path, object, "is a virtual dataset, whose data lie in other files; expected data in this file");
  if (H5Pget_external_count(properties.get()) != 0)
    refuse(path, object, "keeps its data in another file; expected data in this file");
  const int filters = H5Pget_nfilters(properties.get());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    char name[64] = "";
    unsigned config = 0;
    const H5Z_filter_t id = H5Pget_filter2(properties.get(), static_cast<unsigned>(i), &flags, &values, nullptr,
                                           sizeof name, name, &config);
    if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32) {
      name[sizeof name - 1] = '\0';
      refuse(path, object, fmt::format("uses filter {} ({}); expected none of its kind", static_cast<int>(id), name),
             "rewrite the file without it, for example with h5repack -f NONE");
    }
    facts.filters.push_back(id);
  }
  facts.stored_bytes = H5Dget_storage_size(dataset);
  if (facts.layout == H5D_CONTIGUOUS) facts.offset = H5Dget_offset(dataset);
  return facts;
}

}  // namespace pathline::data
