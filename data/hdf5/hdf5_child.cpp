// Reading an HDF5 file of others in a child process (data/hdf5/hdf5_array.h).

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/wait.h>

#include "core/child_process.h"
#include "core/error.h"
#include "core/helper_program.h"
#include "core/regular_file.h"
#include "data/hdf5/hdf5_frames.h"
#include "data/sources/file_fingerprint.h"

namespace pathline::data {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_text = std::uint64_t{256} << 20, labels_at_once = std::uint64_t{1} << 17;

std::chrono::milliseconds usual_patience(const fs::path& file) {
  std::error_code ignored;
  const std::uintmax_t size = fs::is_regular_file(file, ignored) ? fs::file_size(file, ignored) : 0;
  return std::chrono::seconds(60 + static_cast<std::int64_t>(std::min(size, std::uintmax_t{1} << 30) >> 22));
}

class RemoteHdf5Array final : public Hdf5Array {
 public:
  RemoteHdf5Array(const Hdf5Input& input, std::chrono::milliseconds patience, const fs::path& program)
      : input_(input), patience_(patience.count() > 0 ? patience : usual_patience(input.path)), program_(program) {
    require_regular_file(input.path, "this file");  // before a process is started for it
    start("facts");
    facts_ = receive_facts();
    row_bytes_ = facts_.value_bytes();
    if (!facts_.labels_place.empty()) receive_labels();
    child_.reset();
  }

  std::vector<std::int64_t> read_labels() override { return std::move(labels_); }

  void read(std::uint64_t first, std::uint64_t count, void* out) override {
    auto* to = static_cast<std::byte*>(out);
    for (std::uint64_t number = first; number < first + count; ++number, to += row_bytes_) {
      if (number >= facts_.dims[0]) throw std::logic_error("no such row");
      if (!child_ || number < first_) start_rows(number);
      while (number >= first_ + count_) receive_rows();
      std::memcpy(to, rows_.data() + (number - first_) * row_bytes_, row_bytes_);
    }
  }

 private:
  void start(const std::string& from) {
    const fs::path program = program_.empty() ? helper_program("hdf5-read") : program_;
    child_.emplace(std::vector<std::string>{program.string(), from, input_.path.string(), input_.dataset,
                                            input_.labels_dataset, input_.labels.string()},
                   ChildProcess::Options{.report_channel = true});
  }

  /// The child opens the file anew: the other's facts must still hold.
  void start_rows(std::uint64_t number) {
    start(std::to_string(number));
    if (to_text(receive_facts()) != to_text(facts_)) fail("the file was changed while it was read");
    first_ = number;
    count_ = 0;
  }

  void receive(void* out, std::size_t bytes) {
    switch (child_->read(std::chrono::steady_clock::now() + patience_, out, bytes)) {
      case ChildProcess::Event::received:
        return;
      case ChildProcess::Event::late:
        fail(fmt::format("the process that reads it with the HDF5 library sent nothing for {} s",
                         std::chrono::duration<double>(patience_).count()),
             "its metadata are damaged, or forged to stop its readers; if they are not, the disk is very slow");
      case ChildProcess::Event::ended:
        report_end();
    }
  }

  [[noreturn]] void report_end() {
    const int status = child_->status();
    const std::string what = "the process that reads it with the HDF5 library " + describe_end(status);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      fail(what, "somebody killed it, or the system had no memory left");
    if (WIFSIGNALED(status)) {
      fail(what + child_->last_words(),
           "its metadata are damaged, or forged to crash its readers: do not open it with other programs; get the file "
           "anew from a source you trust");
    }
    throw Error(ExitCode::file_system, what + child_->last_words(), input_.path.string(),
                "the installation of pathline is not whole, or its libraries do not fit");
  }

  /// The bytes that follow, of the kind expected.
  std::uint64_t receive_header(FrameKind expected) {
    FrameHeader header{};
    receive(&header, sizeof header);
    if (header.kind == FrameKind::error) throw error_from_text(receive_text(header.bytes), input_.path.string());
    if (header.kind != expected) confused();
    return header.bytes;
  }
  std::string receive_text(std::uint64_t bytes) {
    if (bytes > largest_text) confused();
    std::string text(bytes, '\0');
    receive(text.data(), text.size());
    return text;
  }
  Hdf5ArrayFacts receive_facts() {
    return facts_from_text(receive_text(receive_header(FrameKind::facts)), input_.path);
  }
  void receive_labels() {
    std::uint64_t left = receive_header(FrameKind::labels) / sizeof(std::int64_t);
    while (left > 0) {  // grows as they come, not as they are announced
      const std::uint64_t now = std::min(left, labels_at_once);
      labels_.resize(labels_.size() + now);
      receive(labels_.data() + labels_.size() - now, now * sizeof(std::int64_t));
      left -= now;
    }
  }
  void receive_rows() {
    const std::uint64_t bytes = receive_header(FrameKind::rows), next = first_ + count_;
    const std::uint64_t most =
        std::min(std::max<std::uint64_t>(1, rows_frame_bytes / row_bytes_), facts_.dims[0] - next);
    if (bytes == 0 || bytes % row_bytes_ != 0 || bytes / row_bytes_ > most) confused();
    first_ = next;
    count_ = 0;
    rows_.resize(bytes);
    receive(rows_.data(), bytes);
    count_ = bytes / row_bytes_;
  }

  [[noreturn]] void confused() const { fail("the process that reads it sent what cannot be"); }
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const {
    throw Error(ExitCode::bad_input, message, input_.path.string(), hint);
  }

  Hdf5Input input_;
  std::chrono::milliseconds patience_;
  fs::path program_;
  std::optional<ChildProcess> child_;
  std::size_t row_bytes_ = 0;
  std::uint64_t first_ = 0, count_ = 0;  // what rows_ holds
  std::vector<std::byte> rows_;
  std::vector<std::int64_t> labels_;
};

}  // namespace

std::unique_ptr<Hdf5Array> open_hdf5_array_in_child(const Hdf5Input& input, std::chrono::milliseconds patience,
                                                    const fs::path& program) {
  return std::make_unique<RemoteHdf5Array>(input, patience, program);
}

}  // namespace pathline::data
