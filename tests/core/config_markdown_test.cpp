#include "core/config_markdown.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(ConfigMarkdown, HasATablePerSectionAndPerOwner) {
  ConfigSchema schema;
  schema.add_choice("a.kind", "x", {"x", "y"}, Effect::breaking, "x|y");
  schema.only_where("a.kind", "y", [&] { schema.add_integer("a.size", 1, 0, 9, Effect::free, "size"); });
  schema.add_text("b.name", "", OnResume(Effect::free).but(Effect::steering, "a.kind", "y"), "name");

  EXPECT_EQ(markdown_of(schema), R"(### [a]

| key | default | values | when changed | meaning |
|---|---|---|---|---|
| `a.kind` | `x` | one of x, y | breaking | x\|y |

Only where `a.kind = y`:

| key | default | values | when changed | meaning |
|---|---|---|---|---|
| `a.size` | `1` | whole number, 0 to 9 | free | size |

### [b]

| key | default | values | when changed | meaning |
|---|---|---|---|---|
| `b.name` | empty | text | free; steering where a.kind = y | name |
)");
}

}  // namespace
}  // namespace pathline
