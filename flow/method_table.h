#pragma once
// The tables behind words such as `flow.time = logit-normal:0,1`: a name and, after a colon, arguments that the entry
// reads itself. Each kind of method (path, timestep distribution, prediction, coupling, objective) has one table, in
// the file that lists its entries; an entry is one file beside it and one line in the list.
//
// Errors are Error(usage) without a place: whoever knows where the text stands adds it (flow/flow_spec.h).
// Thread-safety: tables are immutable.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pathline::flow {

/// What follows the name of an entry: "0.3,1" of "logit-normal:0.3,1".
class MethodArguments {
 public:
  /// `usage`: how the entry is written, "logit-normal:MEAN,STD". Nothing: the text has no colon.
  MethodArguments(std::string usage, std::optional<std::string> text);

  /// Throws Error(usage) if there is a colon.
  void expect_none() const;
  /// The numbers between the commas, all finite; none without a colon. Throws Error(usage) unless there are between
  /// `least` and `most` of them.
  std::vector<double> numbers(std::size_t least, std::size_t most) const;
  /// Error(usage): "MESSAGE, found '0.3,-1'", with the way the entry is written as a hint.
  [[noreturn]] void fail(const std::string& message) const;

 private:
  std::string usage_;
  std::optional<std::string> text_;
};

template <class Method>
struct MethodEntry {
  const char* name;       ///< [a-z][a-z0-9-]*
  const char* arguments;  ///< how they are written, the colon included: ":MEAN,STD"; "" for none
  const char* doc;        ///< one line, for --help and docs/method.md
  /// Throws Error(usage) for arguments that make no sense.
  std::shared_ptr<const Method> (*make)(const MethodArguments& arguments);

  std::string usage() const { return std::string(name) + arguments; }
};

template <class Method>
using MethodTable = std::span<const MethodEntry<Method>>;

/// "linear" and nothing, "logit-normal" and "0.3,1".
std::pair<std::string, std::optional<std::string>> split_method(std::string_view text);
/// Error(usage): no such `what` ("path"), with the nearest of the known names, or all of them.
[[noreturn]] void fail_unknown_method(const char* what, const std::string& name, const std::vector<std::string>& known);

/// The method that `text` names. Throws Error(usage) for an unknown name or arguments that the entry refuses.
template <class Method>
std::shared_ptr<const Method> make_method(MethodTable<Method> table, const char* what, std::string_view text) {
  const auto [name, arguments] = split_method(text);
  std::vector<std::string> known;
  for (const MethodEntry<Method>& entry : table) {
    if (name == entry.name) return entry.make(MethodArguments(entry.usage(), arguments));
    known.emplace_back(entry.name);
  }
  fail_unknown_method(what, name, known);
}

/// "linear: x_t = …; cosine: …", for the doc of a configuration key.
template <class Method>
std::string method_docs(MethodTable<Method> table) {
  std::string docs;
  for (const MethodEntry<Method>& entry : table) docs += (docs.empty() ? "" : "; ") + entry.usage() + ": " + entry.doc;
  return docs;
}

}  // namespace pathline::flow

// A list of entries is a macro that applies its argument to each name, so that a name is written once. Each name is a
// function without arguments that returns the entry, declared where `Entry` is that type.
#define PATHLINE_DECLARE_ENTRY(name) Entry name();
#define PATHLINE_LIST_ENTRY(name) name(),
