#include <set>

#include <fmt/format.h>

#include "data/pictures/picture_decoder.h"
#include "data/sources/picture_source.h"
#include "data/sources/zip_archive.h"

namespace pathline::data {

namespace {

/// Names that would lead elsewhere when unpacked. We do not unpack, but whoever makes them means no good.
std::string path_problem(const std::string& name) {
  if (name.front() == '/') return "an absolute path";
  if (name.find('\\') != std::string::npos) return "a path with a backslash";
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::size_t slash = name.find('/', at);
    const std::string part = name.substr(at, slash - at);
    if (part.empty() || part == "." || part == "..")
      return fmt::format("a path with '{}' in it", part.empty() ? "//" : part);
    at = slash == std::string::npos ? slash : slash + 1;
  }
  return "";
}

class ZipSource : public PictureSource {
 public:
  ZipSource(const std::filesystem::path& path, const PictureOptions& options) : PictureSource(options), archive_(path) {
    std::vector<PictureFile> files;
    std::optional<std::string> labels;
    std::uint64_t others = 0;
    std::set<std::string> seen;
    for (const ZipEntry& entry : archive_.entries()) {
      if (entry.name.empty() || entry.name.back() == '/') continue;
      const std::string wrong = archive_.problem(entry, largest_picture_file);
      if (entry.name == picture_labels_file) {
        const std::string problem = archive_.problem(entry, largest_labels_file);
        if (!problem.empty()) throw Error(ExitCode::bad_input, problem, path.string() + ":" + picture_labels_file);
        labels = read_labels(entry);
        continue;
      }
      if (!is_picture_path(entry.name)) {
        ++others;
        continue;
      }
      PictureFile file;
      file.path = entry.name;
      file.place = entry.number;
      file.fingerprint = fmt::format("{} {:08x}", entry.size, entry.crc);
      file.problem = path_problem(entry.name);
      if (file.problem.empty()) file.problem = wrong;
      if (!seen.insert(entry.name).second) file.problem = "the archive holds this name twice";
      files.push_back(std::move(file));
    }
    begin(std::move(files), labels, path.stem().string(), path.string(), others);
  }

 protected:
  void read_in_turn(const PictureFile& file, std::vector<std::byte>& raw) override {
    archive_.read_packed(entry(file), raw);
  }
  std::vector<std::byte> contents(const PictureFile& file, std::span<const std::byte> raw) const override {
    return ZipArchive::unpack(entry(file), raw);
  }

 private:
  const ZipEntry& entry(const PictureFile& file) const { return archive_.entries()[file.place]; }
  std::string read_labels(const ZipEntry& entry) const {
    try {
      std::vector<std::byte> packed;
      archive_.read_packed(entry, packed);
      const auto bytes = ZipArchive::unpack(entry, packed);
      return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    } catch (const BadSample& problem) {
      throw Error(ExitCode::bad_input, problem.message(), archive_.path().string() + ":" + picture_labels_file);
    }
  }

  ZipArchive archive_;
};

}  // namespace

std::unique_ptr<SampleSource> make_zip_source(const std::filesystem::path& file, const PictureOptions& options) {
  return std::make_unique<ZipSource>(file, options);
}

}  // namespace pathline::data
