#include "flow/networks/registry.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "flow/networks/network_json.h"

namespace pathline::flow {
namespace {

TEST(NetworkKinds, HaveANameAndAFewWordsEach) {
  for (const NetworkKind& kind : network_kinds()) {
    EXPECT_FALSE(kind.doc.empty()) << kind.name;
    EXPECT_EQ(find_network_kind(kind.name), &kind) << "twice: " << kind.name;
  }
  EXPECT_EQ(find_network_kind("unett"), nullptr);
}

TEST(NetworkKinds, AreSuggestedByName) {
  EXPECT_EQ(known_kinds_hint("unett"), "did you mean unet?");
  EXPECT_NE(known_kinds_hint("completely different").find("known kinds: unet"), std::string::npos);
}

/// An option under one of these names would overwrite what every network has in its JSON.
TEST(NetworkKinds, LeaveTheNamesOfWhatEveryNetworkHas) {
  for (const NetworkKind& kind : network_kinds()) {
    NetworkSettings settings;
    settings.options = kind.defaults;
    for (const char* name :
         {"kind", "image_channels", "image_height", "image_width", "shape", "classes", "null_class", "condition"}) {
      EXPECT_FALSE(options_json(settings).contains(name)) << kind.name << ": " << name;
    }
  }
}

}  // namespace
}  // namespace pathline::flow
