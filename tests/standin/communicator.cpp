#include "tests/standin/communicator.h"

#include <bit>
#include <cstring>

#include "tests/standin/world.h"

namespace standin {
namespace {

std::size_t size_of(ncclDataType_t type) {
  return type == ncclBfloat16 ? 2 : 4;
}

float value_at(const char* data, std::size_t index, ncclDataType_t type) {
  if (type == ncclFloat32) {
    float value;
    std::memcpy(&value, data + index * 4, 4);
    return value;
  }
  std::uint16_t half;
  std::memcpy(&half, data + index * 2, 2);
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

void put(char* data, std::size_t index, ncclDataType_t type, float value) {
  if (type == ncclFloat32) {
    std::memcpy(data + index * 4, &value, 4);
    return;
  }
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto half = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
  std::memcpy(data + index * 2, &half, 2);
}

/// receive[i] = the sum of all ranks' value number first + i, of `each` values per rank.
void sum(const std::vector<char>& all, int ranks, std::size_t each, std::size_t first, std::size_t count,
         ncclDataType_t type, void* receive) {
  for (std::size_t i = 0; i < count; ++i) {
    float total = 0.0F;
    for (int rank = 0; rank < ranks; ++rank) {
      total += value_at(all.data(), static_cast<std::size_t>(rank) * each + first + i, type);
    }
    put(static_cast<char*>(receive), i, type, total);
  }
}

}  // namespace
}  // namespace standin

void ncclComm::run(const standin::Operation& operation) {
  using standin::Kind;
  using standin::world;
  const standin::Signature& mine = operation.signature;
  if (world().number("hang", rank, 0) == mine.number) wait_until_cancelled();
  if (world().number("async_error", rank, 0) == mine.number) {
    fail(ncclRemoteError, "stand-in: connection reset in " + mine.text());
    wait_until_cancelled();
  }
  const std::vector<char> everybody = exchange->gather(&mine, sizeof mine, cancelled);
  for (int peer = 0; peer < size; ++peer) {
    standin::Signature theirs;
    std::memcpy(&theirs, everybody.data() + static_cast<std::size_t>(peer) * sizeof theirs, sizeof theirs);
    if (theirs == mine) continue;
    fail(ncclInvalidUsage, "stand-in: rank " + std::to_string(rank) + " is in " + mine.text() + ", rank " +
                               std::to_string(peer) + " in " + theirs.text());
    wait_until_cancelled();
  }
  const auto ranks = static_cast<std::size_t>(size);
  const std::size_t each = mine.kind == Kind::reduce_scatter ? mine.count * ranks : mine.count;
  const std::vector<char> all = exchange->gather(operation.send, each * standin::size_of(mine.type), cancelled);
  switch (mine.kind) {
    case Kind::reduce:
      if (rank != mine.root) break;
      [[fallthrough]];
    case Kind::all_reduce:
      standin::sum(all, size, each, 0, mine.count, mine.type, operation.receive);
      break;
    case Kind::reduce_scatter:
      standin::sum(all, size, each, static_cast<std::size_t>(rank) * mine.count, mine.count, mine.type,
                   operation.receive);
      break;
    case Kind::broadcast: {
      const std::size_t bytes = mine.count * standin::size_of(mine.type);
      std::memcpy(operation.receive, all.data() + static_cast<std::size_t>(mine.root) * bytes, bytes);
      break;
    }
    case Kind::all_gather:
      std::memcpy(operation.receive, all.data(), all.size());
      break;
  }
}

ncclComm* standin::make_comm(const std::string& place, int rank, int size) {
  // Held here, or the leak sanitizer would report them.
  static std::mutex& mutex = *new std::mutex;
  static auto& all = *new std::vector<std::unique_ptr<ncclComm>>;
  const std::lock_guard lock(mutex);
  return all.emplace_back(std::make_unique<ncclComm>(place, rank, size)).get();
}
