// HDF5 files of others in a child process: what comes through, and what happens when the child falls.

#include <chrono>
#include <numeric>

#include "data/hdf5/hdf5_array.h"
#include "data/hdf5/hdf5_handle.h"
#include "data/sources/hdf5_source.h"
#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path forged = std::filesystem::path(PATHLINE_SOURCE_DIR) / "tests/data/forged";

class Hdf5ChildTest : public testing::Test {
 protected:
  /// uint8 images of 2 x 512 that count up, in chunks of three, with labels.
  void write(hsize_t count) {
    const Hdf5Scope scope;
    std::vector<std::uint8_t> values(count * 1024);
    std::iota(values.begin(), values.end(), std::uint8_t{0});
    for (hsize_t i = 0; i < count; ++i) values[i * 1024] = static_cast<std::uint8_t>(i / 10);
    std::vector<std::int64_t> labels(count);
    for (hsize_t i = 0; i < count; ++i) labels[i] = static_cast<std::int64_t>(i % 7);
    const Hdf5Handle file{H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose};
    put(file.get(), "/images", H5T_STD_U8LE, {count, 2, 512}, values.data());
    put(file.get(), "/labels", H5T_STD_I64LE, {count}, labels.data());
  }
  static void put(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& dims, const void* values) {
    std::vector<hsize_t> chunk = dims;
    chunk[0] = 3;
    const Hdf5Handle space{H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose},
        how{H5Pcreate(H5P_DATASET_CREATE), H5Pclose};
    H5Pset_chunk(how.get(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_deflate(how.get(), 1);
    const Hdf5Handle set{H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, how.get(), H5P_DEFAULT), H5Dclose};
    ASSERT_GE(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
  }
  /// A program in place of hdf5-read.
  std::filesystem::path stand_in(const std::string& script) {
    const auto program = folder_ / "stand-in.sh";
    write_bytes(program, "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return program;
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "theirs.h5";
};

TEST_F(Hdf5ChildTest, GivesWhatReadingHereGives) {
  write(2500);  // several frames
  Hdf5Source here(open_hdf5_array({path_, "", "", {}}), {}), there(open_hdf5_array_in_child({path_, "", "", {}}), {});

  EXPECT_EQ(there.facts().count, 2500u);
  EXPECT_EQ(there.facts().shape, here.facts().shape);
  EXPECT_EQ(there.facts().class_names, here.facts().class_names);
  EXPECT_EQ(there.facts().fingerprint, here.facts().fingerprint);
  for (std::uint64_t i = 0; i < 2500; ++i) {
    const Sample expected = read_sample(here, i), found = read_sample(there, i);
    ASSERT_EQ(found.values, expected.values) << i;
    ASSERT_EQ(found.label, expected.label) << i;
  }
}

TEST_F(Hdf5ChildTest, BeginsAnywhereAndGoesBack) {
  write(2500);
  Hdf5Source source(open_hdf5_array_in_child({path_, "", "", {}}), {});

  for (const std::uint64_t number : {2000, 2001, 2499, 10, 1500})
    EXPECT_EQ(bytes_of_sample(source, number)[0], static_cast<int>(number / 10)) << number;
}

TEST_F(Hdf5ChildTest, ForgedMetadataEndInAnError) {
  for (const char* file : {"root_links.h5", "images_links.h5", "group_links.h5"}) {
    const auto path = forged / file;

    expect_error(ExitCode::bad_input, {path.string(), "was ended by signal", "a source you trust"}, [&] {
      open_hdf5_array_in_child({path, "g*/d*", "/labels", {}});
    });
  }
}

TEST_F(Hdf5ChildTest, ItsErrorsAreThoseOfReadingHere) {
  write(4);
  write_bytes(folder_ / "text.h5", "plain text");

  expect_error(ExitCode::bad_input, {"theirs.h5:/none", "no such object", "h5ls"}, [&] {
    open_hdf5_array_in_child({path_, "/none", "", {}});
  });
  expect_error(ExitCode::bad_input, {"text.h5", "HDF5 cannot open this file"}, [&] {
    open_hdf5_array_in_child({folder_ / "text.h5", "", "", {}});
  });
  expect_error(ExitCode::file_system, {"nowhere.h5"}, [&] {
    open_hdf5_array_in_child({folder_ / "nowhere.h5", "", "", {}});
  });
}

TEST_F(Hdf5ChildTest, AnErrorAmongTheRowsComesAfterTheGoodOnes) {
  write(30);
  {
    const Hdf5Scope scope;
    const Hdf5Handle file{H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose},
        set{H5Dopen2(file.get(), "/images", H5P_DEFAULT), H5Dclose};
    const hsize_t offset[3] = {21, 0, 0};
    ASSERT_GE(H5Dwrite_chunk(set.get(), H5P_DEFAULT, 0, offset, 4, "oops"), 0);
  }
  Hdf5Source source(open_hdf5_array_in_child({path_, "", "", {}}), {});

  EXPECT_EQ(bytes_of_sample(source, 20)[1], 1);
  expect_error(ExitCode::bad_input, {"theirs.h5:/images", "deflated data of a chunk are damaged"},
               [&] { read_sample(source, 21); });
}

TEST_F(Hdf5ChildTest, AChildThatHangsIsEnded) {
  write(4);

  expect_error(ExitCode::bad_input, {"theirs.h5", "sent nothing for 0.2 s"}, [&] {
    open_hdf5_array_in_child({path_, "", "", {}}, 200ms, stand_in("exec sleep 1000"));
  });
}

TEST_F(Hdf5ChildTest, WhatMakesNoSenseIsRefused) {
  write(4);
  const std::string big(8, '\xff');
  for (const std::string& sent : {std::string("nonsense nonsense nonsense"), "\1" + std::string(7, '\0') + big,
                                  "\1" + std::string(7, '\0') + "\2" + std::string(7, '\0') + "{}",
                                  "\4" + std::string(7, '\0') + "\2" + std::string(7, '\0') + "[]"}) {
    write_bytes(folder_ / "sent", sent);

    expect_error(ExitCode::bad_input, {"theirs.h5", "the process that reads it sent what can"}, [&] {
      open_hdf5_array_in_child({path_, "", "", {}}, 20s,
                               stand_in("exec cat '" + (folder_ / "sent").string() + "' >&3"));
    });
  }
}

TEST_F(Hdf5ChildTest, AProgramThatCannotRunIsNotTheFilesFault) {
  write(4);

  expect_error(ExitCode::file_system, {"exit code 127", "no library", "installation"}, [&] {
    open_hdf5_array_in_child({path_, "", "", {}}, 20s, stand_in("echo no library >&2; exit 127"));
  });
  expect_error(ExitCode::file_system, {"no-program", "cannot start"}, [&] {
    open_hdf5_array_in_child({path_, "", "", {}}, 20s, folder_ / "no-program");
  });
}

TEST_F(Hdf5ChildTest, AFileThatChangesInBetweenIsNoticed) {
  write(40);
  Hdf5Source source(open_hdf5_array_in_child({path_, "", "", {}}), {});
  write(30);

  expect_error(ExitCode::bad_input, {"theirs.h5", "changed while it was read"}, [&] { read_sample(source, 0); });
}

}  // namespace
}  // namespace pathline::data
