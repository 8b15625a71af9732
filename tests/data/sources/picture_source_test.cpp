// The sources of picture files: folder and zip.

#include "data/sources/picture_source.h"

#include <sys/stat.h>
#include <zip.h>

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

std::vector<std::string> names_of(const SampleSource& source) {
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < source.facts().count; ++i) names.push_back(source.sample_name(i));
  return names;
}

std::vector<std::int64_t> labels_of(SampleSource& source) {
  std::vector<std::int64_t> labels;
  for (std::uint64_t i = 0; i < source.facts().count; ++i) labels.push_back(read_sample(source, i).label);
  return labels;
}

class FolderSourceTest : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories((folder_ / "tree" / path).parent_path());
    write_bytes(folder_ / "tree" / path, bytes);
  }
  std::unique_ptr<SampleSource> open(const PictureOptions& options = {}) {
    return make_folder_source(folder_ / "tree", options);
  }
  TemporaryFolder folder_;
};

TEST_F(FolderSourceTest, TopFoldersAreTheClassesInOrderOfBytes) {
  put("cats/b/deep.png", plain_png(2, 2, 1));
  put("cats/a.PNG", plain_png(2, 2, 2));
  put("Zebras/z.jpeg", jpeg_file(2, 2, JCS_RGB, std::string(12, '\x40')));
  put("readme.txt", "not a picture");

  const auto source = open();

  EXPECT_EQ(names_of(*source), (std::vector<std::string>{"Zebras/z.jpeg", "cats/a.PNG", "cats/b/deep.png"}));
  EXPECT_EQ(source->facts().class_names, (std::vector<std::string>{"Zebras", "cats"}));
  EXPECT_EQ(labels_of(*source), (std::vector<std::int64_t>{0, 1, 1}));
  EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 2, 2));
  EXPECT_EQ(source->facts().remark, "1 files that are not pictures were left aside");
  EXPECT_EQ(bytes_of_sample(*source, 1), std::vector<int>(12, 2));
}

TEST_F(FolderSourceTest, PicturesInOneFolderHaveNoClasses) {
  put("all/1.png", plain_png(2, 2, 1));
  put("all/2.png", plain_png(2, 2, 2));

  EXPECT_EQ(labels_of(*open()), (std::vector<std::int64_t>{-1, -1}));
}

TEST_F(FolderSourceTest, RefusesAPictureBesideClassFolders) {
  put("a/1.png", plain_png(2, 2, 1));
  put("b/1.png", plain_png(2, 2, 1));
  put("loose.png", plain_png(2, 2, 1));

  expect_error(ExitCode::bad_input, {"loose.png", "no class"}, [&] { open(); });
}

TEST_F(FolderSourceTest, DatasetJsonDecidesTheLabels) {
  put("a/1.png", plain_png(2, 2, 1));
  put("b/1.png", plain_png(2, 2, 1));
  put("b/2.png", plain_png(2, 2, 1));
  put("dataset.json", R"({"labels": [["b/1.png", 0], ["a\\1.png", 4]]})");

  const auto source = open();

  EXPECT_EQ(source->facts().class_names.size(), 5u);
  EXPECT_EQ(read_sample(*source, 0).label, 4);
  EXPECT_EQ(read_sample(*source, 1).label, 0);
  expect_bad(*source, 2, "does not list it");
}

TEST_F(FolderSourceTest, RefusesADatasetJsonThatMakesNoSense) {
  put("1.png", plain_png(2, 2, 1));
  for (const auto& [text, word] : std::vector<std::pair<std::string, std::string>>{
           {"{", "not valid JSON"},
           {"{}", "no \"labels\""},
           {R"({"labels": 3})", "not a list"},
           {R"({"labels": null, "labels": []})", "appears twice"},
           {std::string(100000, '['), "nested deeper"},
           {R"({"labels": [["1.png", 1.5]]})", "entry 0"},
           {R"({"labels": [["1.png", -1]]})", "label -1"},
           {R"({"labels": [["1.png", 1], ["1.png", 2]]})", "twice"},
           {R"({"labels": [["1.png", 1], ["../2.png", 2]]})", "no such picture"}}) {
    put("dataset.json", text);
    expect_error(ExitCode::bad_input, {"dataset.json", word}, [&] { open(); });
  }
}

TEST_F(FolderSourceTest, LinksAreFollowedInsideTheTreeOnly) {
  put("1.png", plain_png(2, 2, 1));
  write_bytes(folder_ / "secret.png", plain_png(2, 2, 9));
  std::filesystem::create_symlink("1.png", folder_ / "tree/2-inside.png");
  std::filesystem::create_symlink(folder_ / "secret.png", folder_ / "tree/3-outside.png");
  std::filesystem::create_symlink("nowhere.png", folder_ / "tree/4-broken.png");
  std::filesystem::create_directory_symlink("..", folder_ / "tree/5-folder");

  const auto source = open();

  ASSERT_EQ(source->facts().count, 5u);
  EXPECT_EQ(bytes_of_sample(*source, 1), std::vector<int>(12, 1));
  expect_bad(*source, 2, "leads out of the tree");
  expect_bad(*source, 3, "leads nowhere");
  expect_bad(*source, 4, "leads out of the tree");
}

TEST_F(FolderSourceTest, ANamedPipeIsNotWaitedFor) {
  put("1.png", plain_png(2, 2, 1));
  ASSERT_EQ(::mkfifo((folder_ / "tree/2.png").c_str(), 0600), 0);

  expect_bad(*open(), 1, "not a regular file");
}

TEST_F(FolderSourceTest, OtherSizesThanTheFirstNeedSize) {
  put("1.png", "damaged");
  put("2.png", plain_png(3, 2, 1));
  put("3.png", plain_png(2, 3, 1));

  const auto source = open();
  PictureOptions sized;
  sized.size = Extent{2, 2};
  const auto resized = open(sized);

  EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 2, 3));
  expect_bad(*source, 0, "neither PNG nor JPEG");
  expect_bad(*source, 2, "--size");
  EXPECT_EQ(bytes_of_sample(*resized, 2), std::vector<int>(12, 1));
}

TEST_F(FolderSourceTest, TheFingerprintChangesWithTheTree) {
  put("1.png", plain_png(2, 2, 1));
  const std::string before = open()->facts().fingerprint;
  EXPECT_EQ(open()->facts().fingerprint, before);

  put("2.png", plain_png(2, 2, 1));

  EXPECT_NE(open()->facts().fingerprint, before);
}

TEST_F(FolderSourceTest, RefusesTreesWithoutPictures) {
  std::filesystem::create_directory(folder_ / "tree");
  expect_error(ExitCode::bad_input, {"no PNG or JPEG"}, [&] { open(); });
  put("1.png", "x");
  expect_error(ExitCode::bad_input, {"none of the 1 pictures", "1.png"}, [&] { open(); });
  expect_error(ExitCode::file_system, {"no such folder"}, [&] { make_folder_source(folder_ / "none", {}); });
  expect_error(ExitCode::bad_input, {"this is a file"}, [&] { make_folder_source(folder_ / "tree/1.png", {}); });
}

struct ZipMember {
  std::string name, contents;
  bool stored = false;
};

std::string make_zip(const std::filesystem::path& path, const std::vector<ZipMember>& members) {
  int code = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  for (const ZipMember& member : members) {
    zip_source_t* source = zip_source_buffer(zip, member.contents.data(), member.contents.size(), 0);
    const zip_int64_t at = zip_file_add(zip, member.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    zip_set_file_compression(zip, static_cast<zip_uint64_t>(at), member.stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0);
    zip_file_set_mtime(zip, static_cast<zip_uint64_t>(at), 1000000000, 0);
  }
  EXPECT_EQ(zip_close(zip), 0);
  return read_bytes(path);
}

class ZipSourceTest : public testing::Test {
 protected:
  std::unique_ptr<SampleSource> open() { return make_zip_source(path_, {}); }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "set.zip";
};

TEST_F(ZipSourceTest, ReadsStoredAndDeflatedPictures) {
  make_zip(path_, {{"b/2.png", plain_png(2, 2, 2), true}, {"a/1.png", plain_png(2, 2, 1)}, {"notes.txt", "x"}});

  const auto source = open();

  EXPECT_EQ(names_of(*source), (std::vector<std::string>{"a/1.png", "b/2.png"}));
  EXPECT_EQ(labels_of(*source), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(bytes_of_sample(*source, 0), std::vector<int>(12, 1));
  EXPECT_EQ(bytes_of_sample(*source, 1), std::vector<int>(12, 2));
}

TEST_F(ZipSourceTest, DatasetJsonDecidesTheLabels) {
  make_zip(path_, {{"00000/img.png", plain_png(2, 2, 2)}, {"dataset.json", R"({"labels": [["00000/img.png", 3]]})"}});

  EXPECT_EQ(labels_of(*open()), std::vector<std::int64_t>{3});
}

TEST_F(ZipSourceTest, PathsThatLeadElsewhereCannotBeUsed) {
  const std::string png = plain_png(2, 2, 2);
  make_zip(path_,
           {{"/etc/a.png", png}, {"x/../../b.png", png}, {"c\\d.png", png}, {"e//f.png", png}, {"good.png", png}});

  const auto source = open();

  ASSERT_EQ(source->facts().count, 5u);
  EXPECT_TRUE(source->facts().class_names.empty());
  for (std::uint64_t i = 0; i < 5; ++i) {
    if (source->sample_name(i) == "good.png") {
      EXPECT_EQ(bytes_of_sample(*source, i), std::vector<int>(12, 2));
    } else {
      expect_bad(*source, i, " path");
    }
  }
}

TEST_F(ZipSourceTest, DamageOfAMemberIsFoundByItsCrc) {
  std::string bytes = make_zip(path_, {{"1.png", plain_png(2, 2, 1), true}, {"2.png", plain_png(9, 9, 3), true}});
  const std::size_t at = bytes.find("IDAT", bytes.find("2.png"));
  bytes[at + 6] = static_cast<char>(bytes[at + 6] ^ 4);
  write_bytes(path_, bytes);

  expect_bad(*open(), 1, "CRC");
}

TEST_F(ZipSourceTest, SizesDeclaredTooLargeAreRefusedUnread) {
  std::string bytes = make_zip(path_, {{"1.png", plain_png(2, 2, 1)}, {"2.png", std::string(100000, 'x')}});
  // The central directory's entry: signature, then the size unpacked at byte 24.
  const std::size_t entry = bytes.rfind("PK\x01\x02");
  bytes.replace(entry + 24, 4, "\xff\xff\xff\x7f");
  write_bytes(path_, bytes);

  expect_bad(*open(), 1, "declares 2147483647 bytes");
}

TEST_F(ZipSourceTest, SizesThatDeflateCannotReachAreRefusedUnread) {
  std::string bytes = make_zip(path_, {{"1.png", plain_png(2, 2, 1)}, {"2.png", std::string(1000, 'x')}});
  const std::size_t entry = bytes.rfind("PK\x01\x02");
  bytes.replace(entry + 24, 4, std::string("\0\0\0\x10", 4));  // 256 MiB, allowed as such
  write_bytes(path_, bytes);

  expect_bad(*open(), 1, "declares 268435456 bytes, more than");
}

TEST_F(ZipSourceTest, AMemberThatInflatesBeyondItsSizeIsStopped) {
  std::string bytes = make_zip(path_, {{"1.png", plain_png(2, 2, 1)}, {"2.png", std::string(100000, 'x')}});
  const std::size_t entry = bytes.rfind("PK\x01\x02");
  bytes.replace(entry + 24, 4, std::string("\x10\x00\x00\x00", 4));
  write_bytes(path_, bytes);

  expect_bad(*open(), 1, "do not give the 16 bytes declared");
}

TEST_F(ZipSourceTest, RefusesWhatIsNotAZip) {
  write_bytes(path_, "this is no zip");
  expect_error(ExitCode::bad_input, {"not a zip"}, [&] { open(); });
  expect_error(ExitCode::file_system, {"none.zip"}, [&] { make_zip_source(folder_ / "none.zip", {}); });
}

TEST_F(ZipSourceTest, EveryCutOfAnArchiveEndsInAnError) {
  const std::string bytes = make_zip(path_, {{"1.png", plain_png(2, 2, 1)}, {"2.png", plain_png(2, 2, 3)}});
  for (std::size_t cut = 0; cut < bytes.size(); cut += 5) {
    write_bytes(path_, bytes.substr(0, cut));
    EXPECT_THROW(open(), Error) << cut;
  }
}

}  // namespace
}  // namespace pathline::data
