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

#include "data/sources/number_array.h"

namespace pathline::data {

struct Hdf5Input {
  std::filesystem::path path;
  std::string dataset, labels_dataset;  ///< empty: the usual names
  std::filesystem::path labels;         ///< another file that holds them; empty: the same
};

struct Hdf5ArrayFacts : NumberArrayFacts {
  std::filesystem::path file;
  bool channels_first = false;  ///< as its name tells
  std::string labels_place;     ///< file and object of the labels; empty: there are none
};

class Hdf5Array : public NumberArray {
 public:
  const Hdf5ArrayFacts& facts() const noexcept override { return facts_; }
  /// All labels. REQUIRES: facts().labels_place is not empty; to be called once.
  virtual std::vector<std::int64_t> read_labels() = 0;

 protected:
  Hdf5ArrayFacts facts_;
};

/// In this process: for `hdf5-read`, fuzzing and tests.
std::unique_ptr<Hdf5Array> open_hdf5_array(const Hdf5Input& input);

/// In a child process. Error(bad_input) also if that is ended by a signal, or sends nothing for `patience` (0: a
/// minute, and a second for each 4 MiB of the file, up to 1 GiB). `program`: another one in its place, for tests.
std::unique_ptr<Hdf5Array> open_hdf5_array_in_child(const Hdf5Input& input, std::chrono::milliseconds patience = {},
                                                    const std::filesystem::path& program = {});

}  // namespace pathline::data
