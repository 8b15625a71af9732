#pragma once
// One object of index.json, read key by key: every error says where it is, and keys that nobody asked for are refused.
// Thread-safety: none. Borrows the JSON.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace pathline::data {

class JsonSection {
 public:
  using Json = nlohmann::ordered_json;

  /// `place`: the file; `prefix`: what stands before the keys in messages ("shards[3]."). Every function throws
  /// Error(bad_input) for what is not as asked.
  JsonSection(const Json& json, std::string place, std::string prefix);

  const Json& value(const std::string& key);
  std::string text(const std::string& key);
  std::int64_t integer(const std::string& key, std::int64_t minimum, std::int64_t maximum);
  std::vector<std::int64_t> integers(const std::string& key, std::int64_t minimum, std::int64_t maximum);
  std::vector<double> reals(const std::string& key);
  std::vector<std::string> texts(const std::string& key);
  /// So many lower-case hexadecimal digits.
  std::string hash(const std::string& key, std::size_t digits);
  std::uint64_t xxh3(const std::string& key);
  const Json& list(const std::string& key, const char* of_what);
  void refuse_others() const;
  [[noreturn]] void fail(const std::string& key, const std::string& message) const;

 private:
  const Json& json_;
  std::string place_, prefix_;
  std::set<std::string> seen_;
};

}  // namespace pathline::data
