#include "trainer/parallel/communicator.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {
namespace {

/// Programming mistakes and library failures have no documented exit code of their own.
constexpr auto kInternalError = static_cast<ExitCode>(1);

/// Libraries such as c10 append a stack trace to what(): a user wants the first line.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string serialize(const Error& error) {
  return nlohmann::json{{"code", static_cast<int>(error.code())},
                        {"message", error.message()},
                        {"place", error.place()},
                        {"hint", error.hint()}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Error deserialize(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return Error(static_cast<ExitCode>(json.at("code").get<int>()), json.at("message").get<std::string>(),
               json.at("place").get<std::string>(), json.at("hint").get<std::string>());
}

class SelfCommunicator final : public Communicator {
 public:
  std::string name() const override { return "self"; }
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int local_rank() const override { return 0; }
  int local_size() const override { return 1; }
  void all_reduce_sum(std::span<float>) override {}
  void all_reduce_sum(std::span<double>) override {}
  void all_reduce_max(std::span<double>) override {}
  void broadcast(void*, std::size_t, int) override {}
  std::vector<std::string> all_gather(const std::string& text) override { return {text}; }
  std::vector<std::string> gather(const std::string& bytes, int) override { return {bytes}; }
  void send(const void*, std::size_t, int) override {
    throw std::logic_error("a single process has nobody to send to");
  }
  void receive(void*, std::size_t, int) override {
    throw std::logic_error("a single process has nobody to receive from");
  }
  void all_to_all(std::span<const std::span<const std::byte>> to_each,
                  std::span<const std::span<std::byte>> from_each) override {
    if (to_each.size() != 1 || from_each.size() != 1 || to_each[0].size() != from_each[0].size()) {
      throw std::logic_error("all_to_all: one entry per rank, and equal sizes at both ends");
    }
    if (!to_each[0].empty()) std::memmove(from_each[0].data(), to_each[0].data(), to_each[0].size_bytes());
  }
  void barrier() override {}
  std::unique_ptr<Communicator> duplicate(const std::string&) override { return std::make_unique<SelfCommunicator>(); }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }
};

}  // namespace

std::unique_ptr<GradientChannel> Communicator::gradient_channel() {
  return make_host_channel(duplicate("gradients"));
}

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>();
}

std::string serialize_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return serialize(error);
  } catch (const std::bad_alloc&) {
    return serialize(Error(kInternalError, "out of memory", {},
                           "lower train.micro_batch, or the size of the network; see peak memory in metrics.jsonl"));
  } catch (const std::exception& error) {
    return serialize(Error(kInternalError, first_line(error.what())));
  } catch (...) {
    return serialize(Error(kInternalError, "unknown exception"));
  }
}

void agree(Communicator& communicator, const std::string& serialized_error) {
  double failed[1] = {serialized_error.empty() ? 0.0 : 1.0};
  communicator.all_reduce_max(failed);
  if (failed[0] == 0.0) return;
  const std::vector<std::string> failures = communicator.all_gather(serialized_error);
  for (std::size_t rank = 0; rank < failures.size(); ++rank) {
    if (failures[rank].empty()) continue;
    const Error error = deserialize(failures[rank]);
    std::string place = error.place();
    if (communicator.size() > 1) {
      place = fmt::format("rank {} of {}{}{}", rank, communicator.size(), place.empty() ? "" : ": ", place);
    }
    throw AgreedError(error, place);
  }
}

}  // namespace pathline::parallel
