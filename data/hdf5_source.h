#pragma once
// Arrays in HDF5 files of others: samples along the first dimension of one dataset, or of several that a pattern with
// `*` names one after another, labels in another dataset or file.
//
// Names that are found without being told: /imgs with /labels (BigGAN; channels first), /x with /y here or in the
// sibling file ..._y.h5 (PCam), /images with /labels, and data/demo_*/obs/..._image (robomimic; demonstrations in order
// of their numbers, no labels).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/array_source.h"
#include "data/hdf5_rows.h"

namespace pathline::data {

struct Hdf5Input {
  std::filesystem::path path;
  std::string dataset, labels_dataset;  ///< empty: the usual names
  std::filesystem::path labels;         ///< another file that holds them; empty: the same
};

class Hdf5Source : public ArraySource {
 public:
  Hdf5Source(const Hdf5Input& input, const ArrayOptions& options);

 protected:
  void read_values(std::uint64_t number, void* out) override;

 private:
  struct Names {
    std::vector<std::string> samples;  // absolute paths
    std::string labels;                // empty: none
    bool channels_first = false;
    std::filesystem::path labels_file;
  };
  static Names find_names(hid_t file, const Hdf5Input& input);

  std::filesystem::path path_;
  Hdf5Handle file_;
  std::vector<std::string> objects_;
  std::vector<std::uint64_t> firsts_;  // number of the first sample of each
  std::size_t open_ = 0;
  std::unique_ptr<Hdf5Rows> rows_;
};

}  // namespace pathline::data
