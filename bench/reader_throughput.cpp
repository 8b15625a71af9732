// How fast the reader delivers: random-order batches of 128, every checksum checked, as stored or made floats by the
// thread that takes them.
//
//   reader_throughput make DIR CHANNELS HEIGHT WIDTH COUNT     writes a set of arbitrary images
//   reader_throughput run DIR [floats|stored] [pread|hdf5] [CACHE_MIB] [THREADS] [SECONDS]
//
// `run` prints one JSON line: images per second, CPU seconds per 1,000 images, and the time from nothing (index not yet
// opened) to the first batch. bench/reader_peers.py runs it by turns with other software.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "core/error.h"
#include "core/random.h"
#include "data/read/reader.h"
#include "data/shards/buffer.h"
#include "data/shards/normalizer.h"
#include "data/shards/shard_set.h"
#include "data/shards/shard_writer.h"

namespace {

using namespace pathline;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int make(const std::string& folder, std::int64_t channels, std::int64_t height, std::int64_t width,
         std::uint64_t count) {
  data::DatasetInfo info;
  info.name = "benchmark";
  info.split = "train";
  info.shape = SampleShape::picture(channels, height, width);
  info.dtype = "uint8";
  info.class_names = {"0", "1"};
  info.mean.assign(static_cast<std::size_t>(channels), 127.5);
  info.scale = info.mean;
  data::ShardWriter writer(folder, info, std::max<std::uint64_t>(1, (std::uint64_t{256} << 20) / info.sample_bytes()));
  std::vector<std::uint32_t> image((info.sample_bytes() + 3) / 4);
  for (std::uint64_t i = 0; i < count; ++i) {
    RandomStream(i, Purpose::validation, 0, 0).fill_bits(image);
    writer.add(image.data(), static_cast<std::int64_t>(i % 2));
  }
  writer.finish();
  return 0;
}

int run(const std::string& folder, bool floats, bool hdf5, std::uint64_t cache_mib, int threads, double seconds) {
  const auto start = Clock::now();
  data::OpenOptions open;
  open.backend = hdf5 ? data::ReadBackend::hdf5 : data::ReadBackend::pread;
  open.cache_bytes = cache_mib << 20;
  const auto set = data::ShardSet::open(folder, open);
  data::ReaderOptions options;
  options.plan = {128, 128, 0, 1};
  options.threads = threads;
  data::Reader reader(set, options);
  const data::Normalizer normalize(set.info());
  const auto values = static_cast<std::size_t>(set.info().shape.values());
  data::Buffer<float> scaled(floats ? options.plan.micro_batch * values : 0);
  data::Batch batch;
  const auto next = [&] {
    reader.next(batch);
    for (std::size_t i = 0; floats && i < batch.samples.size(); ++i)
      normalize(batch.values.data() + i * set.sample_bytes(), scaled.data() + i * values);
  };
  next();
  const double first = seconds_since(start);

  // Warm up: every batch in flight has its memory, the cache has every image.
  const auto warm = Clock::now();
  for (int i = 0; i < reader.batches_ahead() + 2; ++i) next();
  while (batch.samples.front().epoch == 0 && seconds_since(warm) < (set.cached() ? 30 : 0.5)) next();
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  std::uint64_t images = 0;
  double unused = 0;
  while (seconds_since(begin) < seconds) {
    next();
    images += batch.samples.size();
    unused += floats ? *(scaled.end() - 1) : static_cast<double>(*(batch.values.end() - 1));
  }
  const double wall = seconds_since(begin);
  std::printf("{\"images_per_second\": %.0f, \"cpu_per_1000\": %.6f, \"first_batch_ms\": %.2f, \"check\": %.3f}\n",
              static_cast<double>(images) / wall, (cpu_seconds() - cpu) / static_cast<double>(images) * 1000,
              first * 1e3, unused / static_cast<double>(images));
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::string action = count > 2 ? words[1] : "";
    const auto word = [&](int i, const char* otherwise) { return std::string(count > i ? words[i] : otherwise); };
    if (action == "make" && count == 7)
      return make(words[2], std::atoll(words[3]), std::atoll(words[4]), std::atoll(words[5]),
                  std::strtoull(words[6], nullptr, 10));
    if (action == "run")
      return run(words[2], word(3, "floats") == "floats", word(4, "pread") == "hdf5",
                 std::strtoull(word(5, "0").c_str(), nullptr, 10), std::atoi(word(6, "2").c_str()),
                 std::atof(word(7, "2").c_str()));
    std::fprintf(stderr, "usage: see the head of bench/reader_throughput.cpp\n");
    return 2;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
