// The program that opens HDF5 files of others, so that only it falls when one makes the HDF5 library crash or loop
// (data/hdf5/hdf5_array.h). Started and watched by open_hdf5_array_in_child(); by hand it is of use under a debugger:
//
//   hdf5-read facts|FIRST FILE DATASET LABELS_DATASET LABELS_FILE 3>frames
//
// The last three may be empty. Sends frames (data/hdf5/hdf5_frames.h) to descriptor 3: the facts and labels, or the
// facts and the rows from number FIRST on. Exit codes as of pathline itself.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "core/child_process.h"
#include "core/error.h"
#include "core/helper_program.h"
#include "data/hdf5/hdf5_frames.h"

namespace {

using namespace pathline;
using namespace pathline::data;

/// A row of chunks and a chunk, packed, unpacked and in between, have at most 1 GiB each; as has a frame.
constexpr std::uint64_t most_memory = std::uint64_t{8} << 30;

/// Whoever started this is gone when nobody reads its pipe. Looked at from a thread of its own, because the HDF5
/// library may never return.
void end_when_nobody_listens() {
  std::thread([] {
    pollfd pipe{ChildProcess::report_descriptor, 0, 0};
    while (::poll(&pipe, 1, -1) < 0 && errno == EINTR) {
    }
    if ((pipe.revents & POLLERR) != 0) std::_Exit(1);
  }).detach();
}

void send_bytes(const void* data, std::size_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t wrote = ::write(ChildProcess::report_descriptor, from, bytes);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) std::_Exit(1);
    from += wrote;
    bytes -= static_cast<std::size_t>(wrote);
  }
}

void send(FrameKind kind, const void* data, std::size_t bytes) {
  const FrameHeader header{kind, bytes};
  send_bytes(&header, sizeof header);
  send_bytes(data, bytes);
}

void send(FrameKind kind, const std::string& text) {
  send(kind, text.data(), text.size());
}

void send_rows(Hdf5Array& array, std::uint64_t next) {
  const std::size_t row_bytes = array.facts().value_bytes();
  const std::uint64_t count = array.facts().dims[0],
                      in_frame = std::max<std::uint64_t>(1, rows_frame_bytes / row_bytes);
  std::vector<std::byte> frame;
  while (next < count) {
    const std::uint64_t end = std::min(count, next + in_frame);
    frame.resize((end - next) * row_bytes);
    std::size_t filled = 0;
    try {
      for (; next < end; ++next, filled += row_bytes) array.read(next, 1, frame.data() + filled);
    } catch (const Error&) {
      if (filled > 0) send(FrameKind::rows, frame.data(), filled);
      throw;
    }
    send(FrameKind::rows, frame.data(), filled);
  }
}

void read(const std::vector<std::string>& words) {
  if (words.size() != 5 || words[0].empty() ||
      (words[0] != "facts" && words[0].find_first_not_of("0123456789") != std::string::npos)) {
    throw Error(ExitCode::usage, "expected facts|FIRST FILE DATASET LABELS_DATASET LABELS_FILE", "hdf5-read");
  }
  const auto array = open_hdf5_array({words[1], words[2], words[3], words[4]});
  send(FrameKind::facts, to_text(array->facts()));
  if (words[0] != "facts") {
    send_rows(*array, std::strtoull(words[0].c_str(), nullptr, 10));
  } else if (!array->facts().labels_place.empty()) {
    const std::vector<std::int64_t> labels = array->read_labels();
    send(FrameKind::labels, labels.data(), labels.size() * sizeof labels[0]);
  }
}

}  // namespace

// Builds with AddressSanitizer: what it finds ends the process as a crash would, by a signal.
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1:handle_segv=0";
}

int main(int argc, char** argv) {
  // Ctrl-C and schedulers signal the whole group; how to stop is for the process that started this to decide.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  end_when_nobody_listens();
  limit_helper(most_memory);
  int code = 0;
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    read(words);
  } catch (const Error& error) {
    send(FrameKind::error, to_text(error));
    code = static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    send(FrameKind::error, to_text(Error(ExitCode::bad_input, "reading it takes more memory than there is", words[1],
                                         fmt::format("at most {} GiB are used", most_memory >> 30))));
    code = static_cast<int>(ExitCode::bad_input);
  } catch (const std::exception& error) {  // HDF5 fails where only a lack of memory could be the reason
    send(FrameKind::error, to_text(Error(ExitCode::bad_input, error.what(), words[1])));
    code = static_cast<int>(ExitCode::bad_input);
  }
  // Not the library's clean-up, which trips over what damaged files leave it with.
  std::_Exit(code);
}
