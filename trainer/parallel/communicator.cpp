#include "trainer/parallel/communicator.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {
namespace {

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

}  // namespace pathline::parallel
