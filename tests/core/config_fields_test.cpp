#include "core/config_fields.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/settings_fixture.h"

namespace pathline {
namespace {

using test::AllFields;
using test::contains;
using test::error_of;

ConfigSchema schema_of_fields() {
  ConfigSchema schema;
  declare_fields<AllFields>(schema);
  return schema;
}

TEST(ConfigFields, BecomeKeysWhoseDefaultsAreTheInitialValues) {
  const ConfigSchema schema = schema_of_fields();

  EXPECT_EQ(schema.keys().size(), 9U);
  EXPECT_EQ(Config(schema).to_ini(),
            "[s]\ncount = 3\nrate = 0.5\nflag = true\nword = a\nprecision = fp32\nname = n\nfolder = f/g\n"
            "list = 1,2\npair = 4x5\n");
  const ConfigKey& count = *schema.find("s.count");
  EXPECT_EQ(allowed_values(count), "whole number, 1 to 9");
  EXPECT_EQ(count.doc, "how many");
  EXPECT_EQ(count.on_resume.effect, Effect::steering);
  EXPECT_EQ(schema.find("s.folder")->kind, ConfigKey::Kind::path);
}

TEST(ConfigFields, TakeTheirValuesFromAConfiguration) {
  const ConfigSchema schema = schema_of_fields();
  const Config config = Config::parse_text(schema,
                                           "[s]\ncount = 7\nrate = 0.1\nflag = no\nword = b\nprecision = bf16\nname = "
                                           "x y\nfolder = /h\nlist =\npair = 6x07\n",
                                           "f.ini");

  const auto fields = read_fields<AllFields>(config);

  EXPECT_EQ(fields.count, 7U);
  EXPECT_EQ(fields.rate, 0.1);
  EXPECT_FALSE(fields.flag);
  EXPECT_EQ(fields.word, "b");
  EXPECT_TRUE(fields.half);
  EXPECT_EQ(fields.name, "x y");
  EXPECT_EQ(fields.folder, "/h");
  EXPECT_TRUE(fields.list.empty());
  EXPECT_EQ(fields.pair, std::pair(6, 7));
}

TEST(ConfigFields, KeepAValueOfAFormOfItsOwnInOneSpelling) {
  const ConfigSchema schema = schema_of_fields();

  EXPECT_EQ(Config::parse_text(schema, "", "f.ini", {"--s.pair=06x007"}).value_text("s.pair"), "6x7");
  const Error error = error_of([&] { Config::parse_text(schema, "[s]\npair = 6 by 7\n", "f.ini"); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "f.ini:2: s.pair");
  EXPECT_TRUE(contains(error.message(), "expected AxB, found '6 by 7'"));
}

}  // namespace
}  // namespace pathline
