// Runs a fuzz target without libFuzzer: over a corpus, then over mutations of it. Not guided by coverage; it keeps the
// targets working in every build, and finds what is near the corpus. The same seed gives the same inputs.
//
//   TARGET [-max_total_time=SECONDS] [-runs=N] [-seed=N] FILE_OR_FOLDER…
//
// An input that ends the program is left as crash-input in the working folder.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : next() % limit; }

 private:
  std::uint64_t state_;
};

const Input* current = nullptr;

// Only what is allowed in a signal handler.
void keep_input(int signal) {
  const int fd = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && current != nullptr && ::write(fd, current->data(), current->size()) >= 0) ::close(fd);
  const char message[] = "the input that ended the program is in ./crash-input\n";
  if (::write(2, message, sizeof message - 1) < 0) ::_exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Input& input) {
  current = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

void mutate(Input& input, const std::vector<Input>& corpus, Random& random) {
  static const std::uint64_t numbers[] = {0,
                                          1,
                                          127,
                                          128,
                                          255,
                                          256,
                                          0x7fff,
                                          0xffff,
                                          0x7fffffff,
                                          0xffffffff,
                                          0x7fffffffffffffff,
                                          0xffffffffffffffff,
                                          std::uint64_t{1} << 40};
  const std::size_t at = random.below(input.size() + 1), left = input.size() - at;
  const std::size_t some = std::min(left, random.below(16) + 1);
  const auto place = [&](std::size_t i) { return input.begin() + static_cast<std::ptrdiff_t>(i); };
  switch (random.below(9)) {
    case 0:
      if (left > 0) input[at] ^= static_cast<std::uint8_t>(1u << random.below(8));
      break;
    case 1:
      if (left > 0) input[at] = static_cast<std::uint8_t>(random.next());
      break;
    case 2:  // a telling number, 1 to 8 bytes wide
    {
      const std::uint64_t number = numbers[random.below(std::size(numbers))];
      std::memcpy(input.data() + at, &number, std::min(left, std::size_t{1} << random.below(4)));
      break;
    }
    case 3:
      input.erase(place(at), place(at + some));
      break;
    case 4: {  // repeat a piece
      const Input piece(place(at), place(at + some));
      for (std::size_t i = random.below(8) + 1; i > 0; --i) input.insert(place(at), piece.begin(), piece.end());
      break;
    }
    case 5:
      input.resize(at);
      break;
    case 6:
      for (std::size_t i = 0; i < some; ++i) input[at + i] = static_cast<std::uint8_t>(random.next());
      break;
    case 7: {  // the end of another
      const Input& other = corpus[random.below(corpus.size())];
      const std::size_t from = random.below(other.size() + 1);
      input.resize(at);
      input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
      break;
    }
    default: {  // a digit or a bracket, for the text formats
      static const char characters[] = "0123456789-+.eE{}[]\",:=#;\\\n\t ";
      if (left > 0) input[at] = static_cast<std::uint8_t>(characters[random.below(sizeof characters - 1)]);
      break;
    }
  }
}

Input read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

int main(int count, char** words) {
  double seconds = 2;
  std::uint64_t runs = UINT64_MAX, seed = 1;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&](const char* name) -> const char* {
      const std::size_t length = std::strlen(name);
      return word.compare(0, length, name) == 0 ? words[i] + length : nullptr;
    };
    if (const char* text = value("-max_total_time=")) {
      seconds = std::atof(text);
    } else if (const char* text = value("-runs=")) {
      runs = std::strtoull(text, nullptr, 10);
    } else if (const char* text = value("-seed=")) {
      seed = std::strtoull(text, nullptr, 10);
    } else if (std::filesystem::is_directory(word)) {
      for (const auto& entry : std::filesystem::directory_iterator(word)) files.push_back(entry.path());
    } else {
      files.emplace_back(word);
    }
  }
  std::sort(files.begin(), files.end());  // folders are listed in no particular order
  std::vector<Input> corpus;
  for (const auto& file : files) corpus.push_back(read(file));
  corpus.emplace_back();  // and the empty file

  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE}) std::signal(signal, keep_input);
#if !defined(__SANITIZE_ADDRESS__)
  // No parser may need more for such inputs; AddressSanitizer reserves far more than it uses.
  const rlimit memory{std::uint64_t{2} << 30, std::uint64_t{2} << 30};
  setrlimit(RLIMIT_AS, &memory);
#endif

  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::uint64_t done = 0;
  for (const Input& input : corpus) run(input), ++done;
  Random random(seed);
  while (done < runs && (done % 16 != 0 || Clock::now() < end)) {
    Input input = corpus[random.below(corpus.size())];
    for (std::size_t i = random.below(6) + 1; i > 0; --i) mutate(input, corpus, random);
    run(input);
    ++done;
  }
  std::printf("%llu inputs, %zu of them from the corpus\n", static_cast<unsigned long long>(done), corpus.size());
  return 0;
}
