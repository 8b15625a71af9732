#include "tools/sweep/store.h"

#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/remove_tree.h"

namespace fs = std::filesystem;

namespace pathline::tools {

namespace {

using Json = nlohmann::json;

constexpr std::size_t digest_length = 64;
constexpr const char* extension = ".cell";

template <typename T>
Json binary(const std::vector<T>& values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return Json::binary(std::vector<std::uint8_t>(bytes, bytes + values.size() * sizeof(T)));
}

template <typename T>
std::vector<T> values_of(const Json& json) {
  const auto& bytes = json.get_binary();
  if (bytes.size() % sizeof(T) != 0) throw Error(ExitCode::bad_input, "a kept cell has a broken array");
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::string to_bytes(const Json& json) {
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

/// Nothing when the file is absent or not what save() wrote.
template <typename T>
std::optional<T> load_as(const fs::path& path, T (*convert)(const Json&)) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  try {
    const std::string file = read_file(path);
    if (file.size() > digest_length &&
        file.compare(0, digest_length, sha256_hex(file.data() + digest_length, file.size() - digest_length)) == 0) {
      return convert(Json::from_cbor(file.begin() + digest_length, file.end()));
    }
  } catch (const Error&) {
  } catch (const Json::exception&) {
  }
  log_warning(fmt::format("{} is damaged; this part of the sweep is computed again", path.string()));
  return std::nullopt;
}

void save(const fs::path& path, const Json& json) {
  const std::string bytes = to_bytes(json);
  make_folder(path.parent_path());
  DurableFile file(path);
  file.write(sha256_hex(bytes.data(), bytes.size()));
  file.write(bytes);
  file.commit();
}

fs::path place(const fs::path& folder, const std::string& key) {
  return folder / (key + extension);
}

Json to_json(const CellOutcome& o) {
  return {{"evaluations", o.evaluations},
          {"accepted", o.accepted},
          {"rejected", o.rejected},
          {"status", o.status},
          {"t_final", o.t_final},
          {"message", Json::binary(std::vector<std::uint8_t>(o.message.begin(), o.message.end()))},
          {"seconds", o.seconds},
          {"solver_seconds", o.solver_seconds},
          {"ranks", o.ranks},
          {"host_ranks", o.host_ranks},
          {"rms_error", o.rms_error},
          {"max_error", o.max_error},
          {"sample_rms", binary(o.sample_rms)},
          {"strip", binary(o.strip)}};
}

CellOutcome outcome_of(const Json& json) {
  CellOutcome o;
  o.evaluations = json.at("evaluations");
  o.accepted = json.at("accepted");
  o.rejected = json.at("rejected");
  o.status = json.at("status");
  o.t_final = json.at("t_final");
  // As bytes because a plugin's message need not be UTF-8.
  const auto& message = json.at("message").get_binary();
  o.message.assign(message.begin(), message.end());
  o.seconds = json.at("seconds");
  o.solver_seconds = json.at("solver_seconds");
  o.ranks = json.at("ranks");
  o.host_ranks = json.at("host_ranks");
  o.rms_error = json.at("rms_error");
  o.max_error = json.at("max_error");
  o.sample_rms = values_of<double>(json.at("sample_rms"));
  o.strip = values_of<double>(json.at("strip"));
  return o;
}

StoredSolution solution_of(const Json& json) {
  const auto& values = json.at("values").get_binary();
  return {json.at("evaluations"), json.at("dtype"), std::string(values.begin(), values.end())};
}

}  // namespace

std::optional<CellOutcome> CellStore::load_cell(const std::string& key) const {
  return load_as(place(folder_, key), outcome_of);
}

void CellStore::save_cell(const std::string& key, const CellOutcome& outcome) const {
  save(place(folder_, key), to_json(outcome));
}

std::optional<StoredSolution> CellStore::load_solution(const std::string& key) const {
  return load_as(place(folder_, key), solution_of);
}

void CellStore::save_solution(const std::string& key, const StoredSolution& solution) const {
  save(place(folder_, key),
       {{"evaluations", solution.evaluations},
        {"dtype", solution.dtype},
        {"values", Json::binary(std::vector<std::uint8_t>(solution.values.begin(), solution.values.end()))}});
}

void CellStore::keep_only(const std::set<std::string>& keys) const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const fs::path& path = entry.path();
    if (path.extension() == extension && keys.count(path.stem().string()) == 0) remove_leftover(path);
  }
}

std::string store_key(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text = "cells 2\n";  // what files of this name hold
  for (const auto& [name, value] : settings) text += fmt::format("{}={}:{}\n", name, value.size(), value);
  return sha256_hex(text.data(), text.size());
}

std::string encode(const NumberedOutcomes& outcomes) {
  Json list = Json::array();
  for (const auto& [number, outcome] : outcomes) list.push_back({{"cell", number}, {"outcome", to_json(outcome)}});
  return to_bytes(list);
}

NumberedOutcomes decode(const std::string& bytes) {
  try {
    NumberedOutcomes outcomes;
    for (const Json& item : Json::from_cbor(bytes))
      outcomes.emplace_back(item.at("cell"), outcome_of(item.at("outcome")));
    return outcomes;
  } catch (const Json::exception& error) {
    throw Error(ExitCode::bad_input, fmt::format("not a list of cells: {}", error.what()));
  }
}

}  // namespace pathline::tools
