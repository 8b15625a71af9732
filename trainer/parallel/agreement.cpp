#include "trainer/parallel/agreement.h"

#include <exception>
#include <new>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

}  // namespace

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
