#include "data/reader.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace pathline::data {

namespace {

void check(const ReaderOptions& options) {
  const BatchPlan& plan = options.plan;
  const auto fail = [](const std::string& message, const char* key) { throw Error(ExitCode::usage, message, key); };
  if (plan.micro_batch == 0) fail("must be at least 1", "train.micro_batch");
  if (plan.global_batch == 0) fail("must be at least 1", "train.global_batch");
  if (plan.global_batch % plan.micro_batch != 0) {
    fail(fmt::format("the global batch ({}) must be a multiple of train.micro_batch ({})", plan.global_batch,
                     plan.micro_batch),
         "train.global_batch");
  }
  if (plan.ranks < 1 || plan.rank < 0 || plan.rank >= plan.ranks)
    throw std::logic_error("BatchPlan: rank out of range");
  if (plan.micro_batches() < static_cast<std::uint64_t>(plan.ranks)) {
    fail(fmt::format("{} micro-batches per step cannot occupy {} ranks; lower train.micro_batch ({}) or raise "
                     "train.global_batch ({})",
                     plan.micro_batches(), plan.ranks, plan.micro_batch, plan.global_batch),
         "train.micro_batch");
  }
  if (options.threads < 1 || options.prefetch < 1)
    throw std::logic_error("Reader: threads and prefetch must be at least 1");
}

}  // namespace

/// A ring of `prefetch` slots. Micro-batch number q of this rank (counted from the first) lives in slot q mod prefetch
/// from the moment a worker takes it until next() hands it out; a worker takes q only while q < delivered + prefetch,
/// so a slot has one user at a time.
struct Reader::State {
  struct Slot {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };

  State(const ShardSet& set, const ReaderOptions& given)
      : shards(set),
        options(given),
        order(set.size(), given.seed),
        per_step(given.plan.last_micro() - given.plan.first_micro()),
        slots(static_cast<std::size_t>(given.prefetch)) {}

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    room.notify_all();
    // A worker finishes at most the batch it is reading.
    for (std::thread& worker : workers) worker.join();
  }

  Batch read(std::uint64_t number) const;
  void work();

  const ShardSet& shards;
  const ReaderOptions options;
  const SampleOrder order;
  const std::uint64_t per_step;  // micro-batches of this rank per step

  std::mutex mutex;  // guards all below
  std::condition_variable room, filled;
  std::vector<Slot> slots;
  std::uint64_t taken = 0, delivered = 0;
  bool stopping = false;
  double waited = 0;

  std::vector<std::thread> workers;
};

Batch Reader::State::read(std::uint64_t number) const {
  const BatchPlan& plan = options.plan;
  Batch batch;
  batch.step = options.first_step + number / per_step;
  batch.micro_index = plan.first_micro() + number % per_step;
  const std::uint64_t first = batch.step * plan.global_batch + batch.micro_index * plan.micro_batch;
  const std::size_t bytes = shards.image_bytes();
  batch.images.resize(plan.micro_batch * bytes);
  batch.samples.reserve(plan.micro_batch);
  batch.labels.reserve(plan.micro_batch);
  for (std::uint64_t j = 0; j < plan.micro_batch; ++j) {
    const SampleRef sample = order.at(first + j);
    shards.read_image(sample.id, batch.images.data() + j * bytes);
    batch.samples.push_back(sample);
    batch.labels.push_back(shards.label(sample.id));
  }
  return batch;
}

void Reader::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    room.wait(lock, [&] { return stopping || taken < delivered + slots.size(); });
    if (stopping) return;
    const std::uint64_t number = taken++;
    lock.unlock();
    Batch batch;
    std::exception_ptr error;
    try {
      batch = read(number);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    Slot& slot = slots[number % slots.size()];
    slot.batch = std::move(batch);
    slot.error = std::move(error);
    slot.ready = true;
    filled.notify_one();
  }
}

Reader::Reader(const ShardSet& shards, const ReaderOptions& options) {
  check(options);
  state_ = std::make_unique<State>(shards, options);
  for (int i = 0; i < options.threads; ++i) state_->workers.emplace_back([state = state_.get()] { state->work(); });
}

Reader::~Reader() = default;

Batch Reader::next() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  State::Slot& slot = s.slots[s.delivered % s.slots.size()];
  if (!slot.ready) {
    const auto start = std::chrono::steady_clock::now();
    s.filled.wait(lock, [&] { return slot.ready; });
    s.waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  // An error stays in its slot: the stream cannot go on without that batch, so every further call says the same.
  if (slot.error) std::rethrow_exception(slot.error);
  Batch batch = std::move(slot.batch);
  slot = {};
  ++s.delivered;
  lock.unlock();
  s.room.notify_one();
  return batch;
}

double Reader::seconds_waited() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waited;
}

}  // namespace pathline::data
