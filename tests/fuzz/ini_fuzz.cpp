// A configuration file. What is accepted must come back unchanged from its own print-out.

#include <string>

#include "core/config.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

const pathline::ConfigSchema& schema() {
  static const pathline::ConfigSchema made = [] {
    pathline::ConfigSchema s;
    s.add_integer("train.steps", 1, 0, 1000000, pathline::Effect::free, "a whole number");
    s.add_real("optimizer.lr", 0.1, 0, 1, pathline::Effect::free, "a number");
    s.add_boolean("train.flip", false, pathline::Effect::free, "a truth value");
    s.add_choice("network.kind", "unet", {"unet", "mlp"}, pathline::Effect::free, "a choice");
    s.add_text("data.shards", "", pathline::Effect::free, "a text");
    s.only_where("network.kind", "unet", [&] {
      s.add_integer_list("network.channel_mult", {1, 2}, 1, 64, pathline::Effect::free, "a list");
    });
    return s;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::accepts([&] {
    const Config config = Config::parse_text(schema(), text, "fuzz.ini");
    const Config again = Config::parse_text(schema(), config.to_ini(), "again.ini");
    if (again.to_ini() != config.to_ini()) __builtin_trap();
  });
  return 0;
}
