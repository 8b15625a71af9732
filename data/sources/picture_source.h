#pragma once
// A source of PNG and JPEG files, wherever they lie; a folder and a zip differ only in how a file is found and read
// (make_folder_source, make_zip_source).
//
// What counts: every file that ends in .png, .jpg or .jpeg (in any case), except hidden ones (a name on its path begins
// with a dot) and those in __MACOSX; in the order of the bytes of their paths. The class of a picture is its top-level
// folder, classes numbered in that same order; where `dataset.json` lies at the top, its {"labels": [["path", 3], …]}
// decide instead (null: no classes). Pictures all at the top, or in one folder, have no classes.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/pictures/picture.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

/// A file that was found, by its path below the top ('/' between names).
struct PictureFile {
  std::string path;
  std::string problem;      ///< why it cannot be used, if that is known already
  std::string fingerprint;  ///< size and time of change, say
  std::uint64_t place = 0;  ///< for whoever reads it: number in the archive
};

class PictureSource : public SampleSource {
 public:
  const SourceFacts& facts() const override { return facts_; }
  std::string sample_name(std::uint64_t number) const override { return files_[number].path; }
  void fetch(std::uint64_t number, std::vector<std::byte>& raw) override;
  void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const override;

 protected:
  explicit PictureSource(const PictureOptions& options);
  /// To be called by the constructor of the heir: the files found, in any order; the text of dataset.json if there is
  /// one; and a name for the whole. Looks for the first picture that can be decoded, whose shape is the set's.
  void begin(std::vector<PictureFile> files, const std::optional<std::string>& dataset_json, const std::string& name,
             const std::string& place, std::uint64_t others);
  /// What must be read in turn of a file; nothing by default.
  virtual void read_in_turn(const PictureFile& file, std::vector<std::byte>& raw);
  /// The file's contents, from what was read in turn. Any thread. Throws BadSample.
  virtual std::vector<std::byte> contents(const PictureFile& file, std::span<const std::byte> raw) const = 0;

 private:
  void assign_classes(const std::optional<std::string>& dataset_json, const std::string& place);
  void assign_listed(const std::string& dataset_json, const std::string& place);

  PictureOptions options_;
  SourceFacts facts_;
  ImageShape shape_;  // of the set
  std::vector<PictureFile> files_;
  std::vector<std::int64_t> labels_;
};

/// The file of labels, and how large it may be.
inline constexpr const char* picture_labels_file = "dataset.json";
inline constexpr std::uint64_t largest_labels_file = std::uint64_t{256} << 20;

/// Whether a path (with '/') is one that counts as a picture.
bool is_picture_path(const std::string& path);

/// Links that lead out of the tree, and links to folders, are found but cannot be used.
std::unique_ptr<SampleSource> make_folder_source(const std::filesystem::path& folder, const PictureOptions& options);
/// A zip, stored or deflated. Absolute paths, "..", backslashes, repeated names and encryption are found but cannot be
/// used; nothing is ever unpacked to disk.
std::unique_ptr<SampleSource> make_zip_source(const std::filesystem::path& file, const PictureOptions& options);

}  // namespace pathline::data
