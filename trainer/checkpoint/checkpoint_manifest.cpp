#include "trainer/checkpoint/checkpoint_manifest.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_text.h"

namespace pathline {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "pathline-manifest";
constexpr int kFormatVersion = 1;
constexpr const char* kHint = "the checkpoint is damaged; give the folder above it to use the newest whole one";

}  // namespace

Manifest parse_manifest(const std::string& text, const std::string& place) {
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, place, kHint); };
  const Json json = parse_json(text, place, kHint);
  Manifest manifest;
  try {
    if (json.at("format") != kFormat || json.at("format_version") != kFormatVersion)
      fail(std::string("expected format '") + kFormat + "' version 1");
    for (const auto& [name, entry] : json.at("files").items()) {
      const Json& bytes = entry.at("bytes");
      if (!bytes.is_number_unsigned())
        fail("expected a size in bytes for " + shown(name) + ", found " + shown(bytes.dump()));
      const auto sha256 = entry.at("sha256").get<std::string>();
      if (sha256.size() != 64 || sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
        fail("expected a SHA-256 of 64 hexadecimal digits for " + shown(name) + ", found " + shown(sha256));
      manifest[name] = {bytes.get<std::uint64_t>(), sha256};
    }
  } catch (const Json::exception& error) {
    fail(std::string("not a manifest: ") + error.what());
  }
  return manifest;
}

std::string manifest_text(const Manifest& manifest) {
  Json files = Json::object();
  for (const auto& [name, entry] : manifest) files[name] = {{"bytes", entry.bytes}, {"sha256", entry.sha256}};
  return Json{{"format", kFormat}, {"format_version", kFormatVersion}, {"files", files}}.dump(2) + "\n";
}

}  // namespace pathline
