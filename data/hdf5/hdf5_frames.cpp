#include "data/hdf5/hdf5_frames.h"

#include <nlohmann/json.hpp>

namespace pathline::data {

namespace {

using Json = nlohmann::json;

/// Names in files need not be UTF-8.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class Take>
auto parsed(const std::string& text, const std::string& place, Take&& take) {
  try {
    return take(Json::parse(text));
  } catch (const Json::exception&) {
    throw Error(ExitCode::bad_input, "the process that reads it sent what cannot be understood", place);
  }
}

}  // namespace

std::string to_text(const Hdf5ArrayFacts& facts) {
  return dump({{"type", to_string(facts.type)},
               {"dims", facts.dims},
               {"channels_first", facts.channels_first},
               {"place", facts.place},
               {"labels_place", facts.labels_place},
               {"fingerprint", facts.fingerprint}});
}

std::string to_text(const Error& error) {
  return dump({{"code", static_cast<int>(error.code())},
               {"message", error.message()},
               {"place", error.place()},
               {"hint", error.hint()}});
}

Hdf5ArrayFacts facts_from_text(const std::string& text, const std::filesystem::path& file) {
  return parsed(text, file.string(), [&](const Json& json) {
    const auto type = number_type_named(json.at("type").get<std::string>());
    Hdf5ArrayFacts facts;
    facts.file = file;
    json.at("dims").get_to(facts.dims);
    json.at("channels_first").get_to(facts.channels_first);
    json.at("place").get_to(facts.place);
    json.at("labels_place").get_to(facts.labels_place);
    json.at("fingerprint").get_to(facts.fingerprint);
    if (!type || facts.dims.empty())
      throw Error(ExitCode::bad_input, "the process that reads it sent what cannot be", file.string());
    facts.type = *type;
    return facts;
  });
}

Error error_from_text(const std::string& text, const std::string& place) {
  return parsed(text, place, [](const Json& json) {
    const int code = json.at("code").get<int>();
    const bool known = code == static_cast<int>(ExitCode::usage) || code == static_cast<int>(ExitCode::file_system);
    return Error(known ? static_cast<ExitCode>(code) : ExitCode::bad_input, json.at("message").get<std::string>(),
                 json.at("place").get<std::string>(), json.at("hint").get<std::string>());
  });
}

}  // namespace pathline::data
