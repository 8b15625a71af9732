#include "data/read/reading_config.h"

#include <fmt/format.h>

namespace pathline::data {

void ReadingConfig::fields(FieldVisitor& f) {
  f.path("data.shards", shards, Effect::free, "folder of image shards, made by `pathline shards create`");
  f.integer("data.threads", threads, 1, 256, Effect::free, "threads per rank that read and check images");
  f.integer("data.prefetch", prefetch, 1, 1024, Effect::free, "micro-batches read ahead per rank, at most");
  f.integer("data.prefetch_mib", prefetch_mib, 1, 1 << 20, Effect::free,
            "memory per rank for micro-batches read ahead, in MiB; one is always read ahead");
  f.integer("data.cache_mib", cache_mib, 0, 1 << 24, Effect::free,
            "a set of at most this many MiB is kept in memory by each rank after its first epoch; 0: none");
  f.choice_of("data.backend", backend, {{"pread", ReadBackend::pread}, {"hdf5", ReadBackend::hdf5}}, Effect::free,
              "how images are read; pread: straight from the file; hdf5: by the HDF5 library, slower");
  static_assert(SampleOrder::blocks_per_window == 16);  // as the texts say
  f.formed<Shuffle>(
      "data.shuffle", shuffle, parse_shuffle,
      [](const Shuffle& shown) { return shown.window == 0 ? "global" : fmt::format("windowed:{}", shown.window); },
      "global or windowed:N with N of at least 16", Effect::breaking,
      "order of an epoch; global: any image anywhere; windowed:N: for disks slow at random reads, images shuffled "
      "within windows of N, each of sixteen runs of neighbours");
}

void ReadingConfig::check(const Config& config) const {
  if (shards.empty()) {
    config.fail("data.shards", "expected the folder of image shards, found nothing",
                "make one with `pathline shards create` and give --data.shards DIR");
  }
}

}  // namespace pathline::data
