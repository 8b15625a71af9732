// What is ours of reading HDF5 files of others: chunks with any contents behind any of the filters we undo. The input
// says how a dataset is laid out, and what lies in its chunks; the HDF5 library writes it as it is told.
//
// Byte 0: filters (bits 0 to 2) and type (bits 3 and 4); 1 and 2: samples, and samples in a chunk; 3: filters that all
// chunks skip. The rest are the chunks, each with its length in front, as long as there are any.

#include <algorithm>

#include "data/hdf5/hdf5_handle.h"
#include "data/sources/hdf5_source.h"
#include "tests/fuzz/fuzz_source.h"

namespace {

using pathline::data::Hdf5Handle;

Hdf5Handle creation(unsigned filters, hsize_t chunk_samples) {
  Hdf5Handle how{H5Pcreate(H5P_DATASET_CREATE), H5Pclose};
  const hsize_t chunk[3] = {chunk_samples, 3, 4};
  H5Pset_chunk(how.get(), 3, chunk);
  if ((filters & 1) != 0) H5Pset_shuffle(how.get());
  if ((filters & 2) != 0) H5Pset_deflate(how.get(), 1);
  if ((filters & 4) != 0) H5Pset_fletcher32(how.get());
  return how;
}

void write(const std::filesystem::path& path, std::basic_string_view<std::uint8_t> input) {
  const pathline::data::Hdf5Scope scope;
  const hid_t types[] = {H5T_STD_U8LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_U8LE};
  const hsize_t dims[3] = {hsize_t{1} + input[1] % 8, 4, 5}, chunk_samples = 1 + input[2] % dims[0];
  const unsigned skipped = input[3];
  const Hdf5Handle file{H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose};
  const Hdf5Handle space{H5Screate_simple(3, dims, nullptr), H5Sclose}, how = creation(input[0], chunk_samples);
  const Hdf5Handle set{
      H5Dcreate2(file.get(), "/images", types[input[0] >> 3 & 3], space.get(), H5P_DEFAULT, how.get(), H5P_DEFAULT),
      H5Dclose};
  if (!set) __builtin_trap();
  input.remove_prefix(4);
  for (hsize_t at[3] = {}; at[0] < dims[0] && !input.empty();) {
    const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
    if (length > 0) H5Dwrite_chunk(set.get(), H5P_DEFAULT, skipped, at, length, input.data() + 1);
    input.remove_prefix(1 + length);
    if ((at[2] += 4) < dims[2]) continue;
    at[2] = 0;
    if ((at[1] += 3) < dims[1]) continue;
    at[1] = 0;
    at[0] += chunk_samples;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  if (size < 5) return 0;
  static const fuzz::InputFolder folder;
  const auto path = folder.path() / "input.h5";
  write(path, {data, size});
  fuzz::accepts([&] {
    data::Hdf5Source source(data::open_hdf5_array({path, "", "", {}}), {});
    fuzz::read_samples(source);
  });
  return 0;
}
