#pragma once
// Arrays in HDF5 files of others: samples along the first dimension of one dataset, or of several that a pattern with
// `*` names one after another, labels in another dataset or file.
//
// Names that are found without being told: /imgs with /labels (BigGAN; channels first), /x with /y here or in the
// sibling file ..._y.h5 (PCam), /images with /labels, and data/demo_*/obs/..._image (robomimic; demonstrations in order
// of their numbers, no labels).
//
// Forged metadata can crash the HDF5 library, or send it round for ever. Therefore programs of ours do not open such
// files themselves: open_hdf5_array_in_child() has it done by a process of its own, `hdf5-read` (data/program), and
// passes on what that one sends, or what became of it. Errors: Error(bad_input) with file and object;
// Error(file_system); Error(usage) where a name must be chosen. One object, one thread at a time.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/array_source.h"

namespace pathline::data {

struct Hdf5Input {
  std::filesystem::path path;
  std::string dataset, labels_dataset;  ///< empty: the usual names
  std::filesystem::path labels;         ///< another file that holds them; empty: the same
};

struct Hdf5ArrayFacts {
  std::filesystem::path file;
  NumberType type = NumberType::uint8;
  std::vector<std::uint64_t> dims;
  bool channels_first = false;  ///< as its name tells
  std::string place;            ///< file and object, for messages
  std::string labels_place;     ///< the same of the labels; empty: there are none
  std::string fingerprint;      ///< changes when the contents may have changed

  /// Bytes of one sample. Error(bad_input) if they are more than 1 GiB, or none.
  std::size_t row_bytes() const;
};

class Hdf5Array {
 public:
  virtual ~Hdf5Array() = default;
  Hdf5Array(const Hdf5Array&) = delete;
  Hdf5Array& operator=(const Hdf5Array&) = delete;

  const Hdf5ArrayFacts& facts() const noexcept { return facts_; }
  /// All labels. REQUIRES: facts().labels_place is not empty; to be called once.
  virtual std::vector<std::int64_t> read_labels() = 0;
  /// The bytes of a sample as in the file, facts().row_bytes() of them. Fast in ascending order.
  virtual void read_row(std::uint64_t number, void* out) = 0;

 protected:
  Hdf5Array() = default;
  Hdf5ArrayFacts facts_;
};

/// In this process: for `hdf5-read`, fuzzing and tests.
std::unique_ptr<Hdf5Array> open_hdf5_array(const Hdf5Input& input);

/// In a child process. Error(bad_input) also if that is ended by a signal, or sends nothing for `patience` (0: a
/// minute, and a second for each 4 MiB of the file, up to 1 GiB). `program`: another one in its place, for tests.
std::unique_ptr<Hdf5Array> open_hdf5_array_in_child(const Hdf5Input& input, std::chrono::milliseconds patience = {},
                                                    const std::filesystem::path& program = {});

}  // namespace pathline::data
