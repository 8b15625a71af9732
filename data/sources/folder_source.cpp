#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "core/durable_file.h"
#include "core/file_descriptor.h"
#include "data/pictures/picture_decoder.h"
#include "data/sources/picture_source.h"

namespace pathline::data {

namespace {

namespace fs = std::filesystem;

std::string reason(int errno_value) {
  return std::generic_category().message(errno_value);
}

/// Whether `path` is `folder` or below it; both canonical.
bool is_below(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, unused] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return in_folder == folder.end();
}

class FolderSource : public PictureSource {
 public:
  FolderSource(const fs::path& folder, const PictureOptions& options) : PictureSource(options) {
    std::error_code failure;
    if (!fs::exists(folder, failure)) throw Error(ExitCode::file_system, "there is no such folder", folder.string());
    if (!fs::is_directory(folder, failure)) {
      throw Error(ExitCode::bad_input, "this is a file; expected a folder of pictures", folder.string(),
                  folder.extension() == ".zip" ? "use --from zip" : "");
    }
    root_ = fs::canonical(folder, failure);
    if (failure) throw system_error(failure.value(), "cannot look at this folder", folder.string());
    std::vector<PictureFile> files;
    std::uint64_t others = 0;
    walk(files, others);
    std::optional<std::string> labels;
    if (fs::is_regular_file(root_ / picture_labels_file, failure)) {
      labels = read_file(root_ / picture_labels_file, largest_labels_file);
      --others;
    }
    begin(std::move(files), labels, root_.filename().string(), folder.string(), others);
  }

 protected:
  std::vector<std::byte> contents(const PictureFile& file, std::span<const std::byte>) const override {
    const fs::path path = resolved(root_ / file.path);
    // O_NONBLOCK: a named pipe must not make us wait.
    const FileDescriptor fd(open_retrying(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) throw BadSample("cannot be opened: " + reason(errno));
    if (!S_ISREG(status.st_mode)) throw BadSample("not a regular file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > largest_picture_file)
      throw BadSample(fmt::format("a file of {} bytes; expected at most {}", size, largest_picture_file));
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    try {
      bytes.resize(read_at(fd.get(), bytes.data(), bytes.size(), 0, path));
    } catch (const Error& error) {
      throw BadSample(error.message());
    }
    return bytes;
  }

 private:
  /// Where a path really leads; BadSample if that is outside the tree.
  fs::path resolved(const fs::path& path) const {
    std::error_code failure;
    if (!fs::is_symlink(path, failure)) return path;
    fs::path real = fs::canonical(path, failure);
    if (failure) throw BadSample("a symbolic link that leads nowhere");
    if (!is_below(real, root_)) throw BadSample("a symbolic link that leads out of the tree");
    if (fs::is_directory(real, failure)) throw BadSample("a symbolic link to a folder; such links are not followed");
    return real;
  }

  void walk(std::vector<PictureFile>& files, std::uint64_t& others) const {
    std::error_code failure, ignored;
    fs::recursive_directory_iterator entry(root_, failure);
    for (const fs::recursive_directory_iterator end; !failure && entry != end; entry.increment(failure)) {
      const fs::path& path = entry->path();
      if (entry->is_directory(ignored) && !entry->is_symlink(ignored)) {
        if (path.filename().string().front() == '.') entry.disable_recursion_pending();
        continue;
      }
      PictureFile file;
      file.path = path.lexically_relative(root_).generic_string();
      const bool folder_link = entry->is_symlink(ignored) && entry->is_directory(ignored);
      if (!folder_link && !is_picture_path(file.path)) {
        ++others;
        continue;
      }
      try {
        struct stat status {};
        if (::stat(resolved(path).c_str(), &status) == 0) {
          file.fingerprint = fmt::format("{} {} {}", static_cast<std::int64_t>(status.st_size), status.st_mtim.tv_sec,
                                         status.st_mtim.tv_nsec);
        }
      } catch (const BadSample& problem) {
        file.problem = problem.message();
      }
      files.push_back(std::move(file));
    }
    if (failure) throw system_error(failure.value(), "cannot list this folder or one in it", root_.string());
  }

  fs::path root_;  // canonical
};

}  // namespace

std::unique_ptr<SampleSource> make_folder_source(const std::filesystem::path& folder, const PictureOptions& options) {
  return std::make_unique<FolderSource>(folder, options);
}

}  // namespace pathline::data
