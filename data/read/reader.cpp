#include "data/read/reader.h"

#include <algorithm>
#include <atomic>
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

std::size_t slots_for(const ReaderOptions& options, const ShardSet& shards) {
  const std::uint64_t batch = shards.info().stored_bytes() * options.plan.micro_batch;
  const std::uint64_t fit = std::max<std::uint64_t>(1, options.prefetch_bytes / batch);
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(options.prefetch), fit);
}

/// Threads that work on one batch: as many as make it come sooner, one for batches that take no time.
std::uint64_t parts_for(const ReaderOptions& options, const ShardSet& shards) {
  constexpr std::uint64_t worth_sharing = std::uint64_t{4} << 20;
  const std::uint64_t batch = shards.info().stored_bytes() * options.plan.micro_batch;
  const std::uint64_t most = std::min(static_cast<std::uint64_t>(options.threads), options.plan.micro_batch);
  return std::clamp<std::uint64_t>(batch / worth_sharing, 1, most);
}

std::vector<std::size_t> bytes_per_condition(const ShardSet& shards) {
  std::vector<std::size_t> bytes;
  for (const ConditionArray& condition : shards.info().all_conditions()) bytes.push_back(condition.value_bytes());
  return bytes;
}

}  // namespace

/// A ring of slots. Micro-batch number q of this rank (counted from the first) lives in slot q mod slots from the
/// moment a worker takes its first part until next() hands it out; parts of q are taken only while q < delivered +
/// slots. A part has one worker, and only its own samples of the batch. The lock is taken twice per part, never per
/// sample.
struct Reader::State {
  struct Slot {
    Batch batch;
    std::uint64_t parts_left = 0;
    bool ready = false;
    std::exception_ptr error;
    std::uint64_t failed_part = 0;
  };

  State(const ShardSet& set, const ReaderOptions& given)
      : shards(set),
        condition_bytes(bytes_per_condition(set)),
        options(given),
        order(set.size(), given.seed, given.shuffle),
        per_batch(given.plan.last_micro() - given.plan.first_micro()),
        parts(parts_for(given, set)),
        slots(slots_for(given, set)) {}

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    room.notify_all();
    // A worker finishes at most the part it is reading.
    for (std::thread& worker : workers) worker.join();
  }

  void prepare(std::uint64_t number, Batch& batch) const;
  void read(Batch& batch, std::uint64_t part, SampleOrder::Cursor& cursor);
  void announce_next_window(std::uint64_t position, SampleOrder::Cursor& cursor);
  void work();

  const ShardSet& shards;
  const std::vector<std::size_t> condition_bytes;  // of one value
  const ReaderOptions options;
  const SampleOrder order;
  const std::uint64_t per_batch;            // micro-batches of this rank per global batch
  const std::uint64_t parts;                // of each batch
  std::atomic<std::uint64_t> announced{0};  // 1 + the last window whose successor was announced

  std::mutex mutex;  // guards all below
  std::condition_variable room, filled;
  std::vector<Slot> slots;
  std::uint64_t taken = 0, delivered = 0;  // parts begun, batches handed out
  bool stopping = false;
  double waited = 0;

  std::vector<std::thread> workers;
};

/// Sizes and names micro-batch `number`; cheap, for its memory is old or comes page by page as it is filled.
void Reader::State::prepare(std::uint64_t number, Batch& batch) const {
  const BatchPlan& plan = options.plan;
  batch.number = options.first_batch + number / per_batch;
  batch.micro_index = plan.first_micro() + number % per_batch;
  batch.values.resize(plan.micro_batch * shards.sample_bytes());
  batch.samples.resize(plan.micro_batch);
  batch.conditions.resize(condition_bytes.size());
  for (std::size_t i = 0; i < condition_bytes.size(); ++i)
    batch.conditions[i].resize(plan.micro_batch * condition_bytes[i]);
}

void Reader::State::read(Batch& batch, std::uint64_t part, SampleOrder::Cursor& cursor) {
  const BatchPlan& plan = options.plan;
  const std::uint64_t first = batch.number * plan.global_batch + batch.micro_index * plan.micro_batch;
  const std::size_t begin = plan.micro_batch * part / parts, end = plan.micro_batch * (part + 1) / parts;
  const std::size_t bytes = shards.sample_bytes();
  if (options.shuffle.window != 0) announce_next_window(first, cursor);
  for (std::size_t j = begin; j < end; ++j) batch.samples[j] = cursor.at(first + j);
  constexpr std::size_t ahead = 2;
  for (std::size_t j = begin; j < end; ++j) {
    const std::uint64_t id = batch.samples[j].id;
    if (j + ahead < end) shards.prefetch(batch.samples[j + ahead].id);
    shards.read_sample(id, batch.values.data() + j * bytes);
    for (std::size_t i = 0; i < condition_bytes.size(); ++i)
      shards.read_condition(id, i, batch.conditions[i].data() + j * condition_bytes[i]);
  }
}

/// While a window is being delivered, the system reads the next one, block by block.
void Reader::State::announce_next_window(std::uint64_t position, SampleOrder::Cursor& cursor) {
  const std::uint64_t window = cursor.window_number(position) + 1;
  std::uint64_t last = announced.load(std::memory_order_relaxed);
  if (window <= last || !announced.compare_exchange_strong(last, window, std::memory_order_relaxed)) return;
  for (const SampleRun& run : cursor.next_window(position)) shards.announce(run.first, run.count);
}

void Reader::State::work() {
  SampleOrder::Cursor cursor(order);
  std::unique_lock lock(mutex);
  for (;;) {
    room.wait(lock, [&] { return stopping || taken / parts < delivered + slots.size(); });
    if (stopping) return;
    const std::uint64_t number = taken / parts, part = taken % parts;
    ++taken;
    Slot& slot = slots[number % slots.size()];
    std::exception_ptr error;
    if (part == 0) {
      slot.parts_left = parts;
      try {
        prepare(number, slot.batch);
      } catch (...) {
        slot.error = std::current_exception();  // no memory
      }
    }
    if (slot.error == nullptr) {
      lock.unlock();
      try {
        read(slot.batch, part, cursor);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
    }
    // Of several errors in one batch, that of the earliest sample is reported, whichever thread was quicker.
    if (error != nullptr && (slot.error == nullptr || part < slot.failed_part)) {
      slot.error = error;
      slot.failed_part = part;
    }
    if (--slot.parts_left > 0) continue;
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
  Batch batch;
  next(batch);
  return batch;
}

void Reader::next(Batch& batch) {
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
  std::swap(batch, slot.batch);
  slot.ready = false;
  ++s.delivered;
  lock.unlock();
  s.room.notify_one();
}

double Reader::seconds_waited() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waited;
}

int Reader::batches_ahead() const {
  return static_cast<int>(state_->slots.size());
}

}  // namespace pathline::data
