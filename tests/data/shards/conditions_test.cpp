// Per-sample arrays beside the samples: written, found again, and refused where they are not as the index says.

#include <cmath>

#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "data/hdf5/hdf5_handle.h"
#include "data/shards/shard_builder.h"
#include "data/shards/shard_index.h"
#include "data/shards/verify_shards.h"
#include "tests/data/shards/conditioned_fixture.h"

namespace pathline::data {
namespace {

class Conditions : public testing::Test {
 protected:
  void write(std::uint64_t count = 25, std::uint64_t per_shard = 10) {
    info_ = write_conditioned_set(folder_ / "set", count, per_shard);
    path_ = folder_ / "set/shard-00000.h5";
  }
  ShardSet open() { return ShardSet::open(folder_ / "set"); }
  std::vector<std::byte> read(const ShardSet& set, std::uint64_t id, std::size_t field) {
    std::vector<std::byte> value(set.info().all_conditions().at(field).value_bytes());
    set.read_condition(id, field, value.data());
    return value;
  }
  /// Where the value of a condition lies in the first shard.
  std::size_t place_of(std::uint64_t id, std::size_t index) {
    const std::vector<std::byte> value = small_condition(info_, id, index);
    const std::string bytes = read_bytes(path_);
    const std::size_t at = bytes.find(std::string(reinterpret_cast<const char*>(value.data()), value.size()));
    EXPECT_NE(at, std::string::npos);
    return at;
  }
  /// Changes the index as JSON and gives it a fitting checksum, as someone with intent would.
  void edit(const std::function<void(nlohmann::ordered_json&)>& change) {
    auto json = nlohmann::ordered_json::parse(read_bytes(folder_ / "set/index.json"));
    change(json);
    const std::string zeros(16, '0');
    json["checksum"] = zeros;
    std::string text = json.dump();
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(xxh3_64(text.data(), text.size())));
    write_bytes(folder_ / "set/index.json", text.replace(text.rfind(zeros), 16, digits));
  }
  TemporaryFolder folder_;
  DatasetInfo info_;
  std::filesystem::path path_;
};

// The index
// -----------------------------------------------------------------------------------------------------------------------

TEST_F(Conditions, AreInAnIndexOfFormatVersionThreeThatReadsBack) {
  write();

  const std::string text = read_bytes(folder_ / "set/index.json");
  const DatasetInfo found = read_index(folder_ / "set");

  EXPECT_NE(text.find("\"format_version\": 3"), std::string::npos) << text;
  EXPECT_EQ(found.conditions, conditioned_info().conditions);
  EXPECT_EQ(found.shape, info_.shape);
  EXPECT_EQ(index_text(found), text);
}

TEST_F(Conditions, FollowTheLabelInTheSpecification) {
  DatasetInfo info = conditioned_info();

  const ConditionSpec spec = info.condition_spec();

  ASSERT_EQ(spec.size(), 5u);
  EXPECT_EQ(spec[0], (ConditionField{"label", ConditionField::Kind::label, 3, {}, false}));
  EXPECT_EQ(spec[1], info.conditions[0].field);
  EXPECT_EQ(spec[4], info.conditions[3].field);
  info.class_names.clear();
  EXPECT_EQ(info.condition_spec().size(), 4u);
}

TEST_F(Conditions, AnIndexMustDescribeThemInFull) {
  const std::vector<std::pair<std::string, std::function<void(nlohmann::ordered_json&)>>> cases = {
      {"\"conditions\": this key is missing", [](auto& json) { json.erase("conditions"); }},
      {"this key is unknown", [](auto& json) { json["format_version"] = 1; }},
      {"\"conditions\": expected a list", [](auto& json) { json["conditions"] = 1; }},
      {"conditions[0].kind", [](auto& json) { json["conditions"][0]["kind"] = "colour"; }},
      {"conditions[0].sizes", [](auto& json) { json["conditions"][0]["sizes"] = {1.5}; }},
      {"conditions[0].sizes", [](auto& json) { json["conditions"][0]["sizes"] = 3; }},
      {"conditions[1].mean", [](auto& json) { json["conditions"][1].erase("mean"); }},
      {"conditions[3].classes", [](auto& json) { json["conditions"][3]["classes"] = 0; }},
      {"conditions[3].sizes\": this key is unknown",
       [](auto& json) { json["conditions"][3]["sizes"] = nlohmann::json::array(); }},
      {"'../labels'", [](auto& json) { json["conditions"][0]["name"] = "../labels"; }},
      {"shards[0].condition_checksums_xxh3", [](auto& json) { json["shards"][0].erase("condition_checksums_xxh3"); }},
      {"shards[0].condition_checksums_xxh3\": this key is unknown",
       [](auto& json) { json["conditions"] = nlohmann::json::array(); }},
  };
  for (const auto& [words, change] : cases) {
    write();
    edit(change);

    expect_error(ExitCode::bad_input, {words, "index.json"}, [&] { open(); });

    std::filesystem::remove_all(folder_ / "set");
  }
}

// Writing and reading
// -----------------------------------------------------------------------------------------------------------------------

TEST_F(Conditions, EveryValueReadsBackFromDiskAndFromMemory) {
  write();
  for (const ReadBackend backend : {ReadBackend::pread, ReadBackend::hdf5}) {
    for (const std::uint64_t cache_bytes : {std::uint64_t{0}, std::uint64_t{1} << 20}) {
      const ShardSet set = ShardSet::open(folder_ / "set", {true, backend, cache_bytes});
      for (int again = 0; again < 2; ++again) {
        for (std::uint64_t id = 0; id < 25; ++id) {
          std::int64_t label;
          set.read_condition(id, 0, &label);
          ASSERT_EQ(label, small_label(id));
          for (std::size_t k = 0; k < 4; ++k) ASSERT_EQ(read(set, id, 1 + k), small_condition(info_, id, k));
        }
      }
    }
  }
}

TEST_F(Conditions, ASetIsKeptInMemoryOnlyIfTheyFitToo) {
  write();
  const std::uint64_t samples = 25 * info_.sample_bytes(), all = 25 * info_.stored_bytes();

  EXPECT_FALSE(ShardSet::open(folder_ / "set", {false, ReadBackend::pread, samples}).cached());
  EXPECT_TRUE(ShardSet::open(folder_ / "set", {false, ReadBackend::pread, all}).cached());
}

TEST_F(Conditions, LieInTheFileAsTheLibraryReadsThem) {
  write(8, 8);
  const Hdf5Scope scope;
  const Hdf5Handle file{H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
  const auto in_file = [&](const char* object, hid_t type, std::size_t bytes) {
    const Hdf5Handle set{H5Dopen2(file.get(), object, H5P_DEFAULT), H5Dclose};
    std::vector<std::byte> values(8 * bytes);
    EXPECT_GE(H5Dread(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0) << object;
    return values;
  };
  const std::vector<std::byte> sums = in_file("/condition_checksums", H5T_NATIVE_UINT64, 4 * 8);
  const hid_t types[] = {H5T_NATIVE_FLOAT, H5T_NATIVE_UINT8, H5T_NATIVE_FLOAT, H5T_NATIVE_INT64};
  for (std::size_t k = 0; k < 4; ++k) {
    const std::size_t bytes = info_.conditions[k].value_bytes();
    const std::vector<std::byte> values = in_file(info_.conditions[k].path().c_str(), types[k], bytes);
    for (std::uint64_t id = 0; id < 8; ++id) {
      const std::vector<std::byte> expected = small_condition(info_, id, k);
      EXPECT_EQ(0, std::memcmp(values.data() + id * bytes, expected.data(), bytes));
      std::uint64_t sum;
      std::memcpy(&sum, sums.data() + (id * 4 + k) * 8, sizeof sum);
      EXPECT_EQ(sum, xxh3_64(expected.data(), expected.size()));
    }
  }
}

TEST_F(Conditions, AsManyAsThereMayBeCanBeReadBack) {
  DatasetInfo info = small_info();
  for (int i = 0; i < 64; ++i) {
    info.conditions.push_back(conditioned_info().conditions[0]);
    info.conditions.back().field.name = std::string(62, 'n') + std::to_string(10 + i);
  }
  info_ = write_conditioned_set(folder_ / "set", 5, 3, info);

  const ShardSet set = ShardSet::open(folder_ / "set", true);

  for (std::size_t k = 0; k < 64; ++k) EXPECT_EQ(read(set, 4, 1 + k), small_condition(info_, 4, k));
}

TEST_F(Conditions, VectorsAndSequencesHaveThemToo) {
  for (const SampleShape& shape : {SampleShape::vector(5), SampleShape::sequence(2, 3)}) {
    const std::filesystem::path folder = folder_ / to_string(shape.kind());
    info_ = write_conditioned_set(folder, 7, 3, conditioned_info(small_info(shape, "float32")));

    const ShardSet set = ShardSet::open(folder, true);

    EXPECT_EQ(set.info().format_version, 3);
    EXPECT_EQ(read(set, 6, 1), small_condition(info_, 6, 0));
  }
}

TEST_F(Conditions, AreRefusedByTheWriterUnlessTheyAreTheSets) {
  const DatasetInfo info = conditioned_info();
  const float bad[] = {1, NAN, 3};
  const std::int64_t beyond = 4;
  const auto bytes_of_values = [](const void* values, std::size_t bytes) {
    const auto* first = static_cast<const std::byte*>(values);
    return std::vector<std::byte>(first, first + bytes);
  };
  ConditionValues missing = small_conditions(info, 0), not_finite = missing, short_value = missing, no_class = missing;
  missing.pop_back();
  not_finite[0] = bytes_of_values(bad, sizeof bad);
  short_value[1].pop_back();
  no_class[3] = bytes_of_values(&beyond, sizeof beyond);
  const std::vector<std::pair<ConditionValues, std::string>> cases = {
      {missing, "values of 4 conditions, found 3"},
      {not_finite, "condition params: value 1 is nan"},
      {short_value, "condition view: expected 4 bytes, found 3"},
      {no_class, "condition sort: label 4 is out of range; expected 0 to 3"}};
  for (const auto& [values, words] : cases) {
    ShardWriter writer(folder_ / "set", info, 10);

    expect_error(ExitCode::bad_input, {"sample 0", words},
                 [&, &values = values] { writer.add(small_sample(info, 0).data(), 0, values); });
  }
}

// Damage
// -----------------------------------------------------------------------------------------------------------------------

TEST_F(Conditions, DamageIsFoundByWhoReadsTheValueAndByNobodyElse) {
  write();
  flip(path_, place_of(7, 0) + 5);
  const ShardSet set = open();

  expect_error(ExitCode::bad_input, {"shard-00000.h5:/conditions/params[7]", "condition of sample 7 is damaged"},
               [&] { read(set, 7, 1); });

  EXPECT_EQ(read(set, 6, 1), small_condition(info_, 6, 0));
  EXPECT_EQ(read(set, 7, 2), small_condition(info_, 7, 1));
  std::vector<std::byte> sample(set.sample_bytes());
  EXPECT_NO_THROW(set.read_sample(7, sample.data()));
}

TEST_F(Conditions, DamagedLabelsAndChecksumsAreFoundAtOpen) {
  write();
  const std::uint64_t sum = xxh3_64(small_condition(info_, 3, 1).data(), 4);
  const std::size_t at = read_bytes(path_).find(std::string(reinterpret_cast<const char*>(&sum), 8));
  flip(path_, at);
  expect_error(ExitCode::bad_input, {"/condition_checksums", "data are damaged"}, [&] { open(); });
  flip(path_, at);
  std::string labels;  // one alone stands elsewhere, too
  for (const std::uint64_t id : {0, 1, 2}) {
    const std::vector<std::byte> label = small_condition(info_, id, 3);
    labels.append(reinterpret_cast<const char*>(label.data()), label.size());
  }
  flip(path_, read_bytes(path_).find(labels));

  expect_error(ExitCode::bad_input, {"/conditions/sort[0]", "condition of sample 0 is damaged"}, [&] { open(); });
}

TEST_F(Conditions, VerifyListsEachDamagedValue) {
  write();
  flip(path_, place_of(7, 0));
  flip(path_, place_of(7, 2));

  const ShardReport report = verify_shards(folder_ / "set");

  ASSERT_EQ(report.problems.size(), 3u);
  EXPECT_NE(report.problems[0].find("/conditions/params[7]: the condition of sample 7"), std::string::npos);
  EXPECT_NE(report.problems[1].find("/conditions/field[7]: the condition of sample 7"), std::string::npos);
  EXPECT_NE(report.problems[2].find("expected SHA-256"), std::string::npos);
}

TEST_F(Conditions, VerifySeesEveryByte) {
  write(4, 10);
  const std::size_t size = std::filesystem::file_size(path_);
  for (std::size_t at = 0; at < size; at += 23) {
    flip(path_, at);

    EXPECT_FALSE(verify_shards(folder_ / "set").problems.empty()) << "byte " << at;

    flip(path_, at);
  }
  EXPECT_TRUE(verify_shards(folder_ / "set").problems.empty());
}

// Shards of others
// -----------------------------------------------------------------------------------------------------------------------

/// A set of one shard whose values are not looked at before they are written, as another program might write it.
class ForeignConditions : public Conditions {
 protected:
  void build(const std::function<void(ConditionValues&, std::uint64_t id)>& change) {
    info_ = conditioned_info();
    std::filesystem::create_directory(folder_ / "set");
    ShardBuilder builder(info_, 10, "set");
    for (std::uint64_t id = 0; id < 10; ++id) {
      ConditionValues values = small_conditions(info_, id);
      change(values, id);
      const std::vector<std::byte> sample = small_sample(info_, id);
      builder.add(sample.data(), small_label(id), xxh3_64(sample.data(), sample.size()), values);
    }
    info_.shards = {builder.write(folder_ / "set", 0)};
    info_.count = 10;
    write_bytes(folder_ / "set/index.json", index_text(info_));
    path_ = folder_ / "set/shard-00000.h5";
  }
  /// Lets the library change the file, and makes the index fit its size.
  void change_file(const std::function<void(hid_t)>& change) {
    build([](ConditionValues&, std::uint64_t) {});
    {
      const Hdf5Scope scope;
      const Hdf5Handle access{H5Pcreate(H5P_FILE_ACCESS), H5Pclose};
      H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
      const Hdf5Handle file{H5Fopen(path_.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose};
      ASSERT_TRUE(file);
      change(file.get());
    }
    info_.shards[0].bytes = std::filesystem::file_size(path_);
    write_bytes(folder_ / "set/index.json", index_text(info_));
  }
  void expect_refused(const std::vector<std::string>& words, const std::function<void(hid_t)>& change) {
    change_file(change);
    expect_error(ExitCode::bad_input, words, [&] { open(); });
    std::filesystem::remove_all(folder_ / "set");
  }
  static void add(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& dims) {
    const Hdf5Handle space{H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
    const Hdf5Handle set{H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose};
    std::size_t bytes = H5Tget_size(type);
    for (const hsize_t extent : dims) bytes *= extent;
    const std::vector<std::byte> zeros(bytes);
    ASSERT_GE(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data()), 0) << name;
  }
};

TEST_F(ForeignConditions, ALabelThatIsNoClassIsFoundAtOpen) {
  build([](ConditionValues& values, std::uint64_t id) {
    const std::int64_t beyond = 4;
    if (id == 6) std::memcpy(values[3].data(), &beyond, sizeof beyond);
  });

  expect_error(ExitCode::bad_input, {"/conditions/sort[6]", "label 4 is out of range"}, [&] { open(); });
}

TEST_F(ForeignConditions, NumbersThatAreNotFiniteAreFoundByVerify) {
  build([](ConditionValues& values, std::uint64_t id) {
    const float infinite = INFINITY;
    if (id == 6) std::memcpy(values[0].data() + 8, &infinite, sizeof infinite);
  });

  const ShardReport report = verify_shards(folder_ / "set");

  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_NE(report.problems[0].find("/conditions/params[6]: sample 6: value 2 is inf, which is not finite"),
            std::string::npos)
      << report.problems[0];
}

TEST_F(ForeignConditions, TheGroupMustHoldWhatTheIndexSaysAndNothingElse) {
  expect_refused({"/conditions", "one for each condition", "found 5 objects"},
                 [](hid_t file) { add(file, "/conditions/more", H5T_STD_U8LE, {10}); });
  expect_refused({":/:", "exactly /images, /labels, /checksums, /condition_checksums, /conditions", "found 6 objects"},
                 [](hid_t file) { add(file, "/more", H5T_STD_U8LE, {10}); });
  expect_refused({"/conditions/params", "no such object"},
                 [](hid_t file) { H5Ldelete(file, "/conditions/params", H5P_DEFAULT); });
  expect_refused({"/conditions/params", "soft or external link"}, [](hid_t file) {
    H5Lmove(file, "/conditions/params", file, "/elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/elsewhere", file, "/conditions/params", H5P_DEFAULT, H5P_DEFAULT);
  });
  expect_refused({"/conditions", "soft or external link"}, [](hid_t file) {
    H5Lmove(file, "/conditions", file, "/elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/elsewhere", file, "/conditions", H5P_DEFAULT, H5P_DEFAULT);
  });
  expect_refused({"/conditions/params", "group or a type"}, [](hid_t file) {
    H5Ldelete(file, "/conditions/params", H5P_DEFAULT);
    const Hdf5Handle group{H5Gcreate2(file, "/conditions/params", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose};
  });
  expect_refused({"/conditions", "too many"}, [](hid_t file) {
    for (int i = 0; i < 9; ++i) add(file, ("/conditions/x" + std::to_string(i)).c_str(), H5T_STD_U8LE, {1});
  });
}

TEST_F(ForeignConditions, TypesAndDimensionsMustBeThoseOfTheIndex) {
  const auto replaced = [](const char* name, hid_t type, const std::vector<hsize_t>& dims) {
    return [=](hid_t file) {
      H5Ldelete(file, name, H5P_DEFAULT);
      add(file, name, type, dims);
    };
  };
  H5open();
  expect_refused({"/conditions/params", "expected type float32, found float64"},
                 replaced("/conditions/params", H5T_IEEE_F64LE, {10, 3}));
  expect_refused({"/conditions/params", "expected dimensions [10, 3], found [10, 4]"},
                 replaced("/conditions/params", H5T_IEEE_F32LE, {10, 4}));
  expect_refused({"/conditions/view", "expected 4 dimensions [10, 2, 1, 2], found 2"},
                 replaced("/conditions/view", H5T_STD_U8LE, {10, 4}));
  expect_refused({"/condition_checksums", "expected dimensions [10, 4], found [10, 5]"},
                 replaced("/condition_checksums", H5T_STD_U64LE, {10, 5}));
}

TEST_F(ForeignConditions, TwoNamesOfOneArrayAreRefused) {
  expect_refused({"overlap"}, [](hid_t file) {
    H5Ldelete(file, "/conditions/sort", H5P_DEFAULT);
    H5Lcreate_hard(file, "/labels", file, "/conditions/sort", H5P_DEFAULT, H5P_DEFAULT);
  });
}

}  // namespace
}  // namespace pathline::data
