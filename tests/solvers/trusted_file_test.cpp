// Who may have written a file decides whether it is run as code.

#include "solvers/trusted_file.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/error.h"
#include "core/hash.h"

namespace pathline::solvers {
namespace {

namespace fs = std::filesystem;

class TrustedFiles : public testing::Test {
 protected:
  TrustedFiles() {
    std::string name = (fs::temp_directory_path() / "pathline-trust-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    fs::create_directory(folder_ / "plugins");
    file_ = folder_ / "plugins" / "file.so";
    std::ofstream(file_) << "contents";
    ::chmod(file_.c_str(), 0644);
  }
  ~TrustedFiles() override { fs::remove_all(folder_); }

  void expect_refused(const fs::path& file, const std::string& words, const std::string& hint) {
    try {
      read_trusted_file(file);
      ADD_FAILURE() << file << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_input);
      EXPECT_NE(error.message().find(words), std::string::npos) << error.what();
      EXPECT_NE(error.hint().find(hint), std::string::npos) << error.what();
    }
  }
  /// Only root can give a file to any group.
  static bool give_to_group_of_others(const fs::path& what) {
    return ::chown(what.c_str(), static_cast<uid_t>(-1), 65534) == 0;
  }
  void mode_of_folder(mode_t mode) { ::chmod((folder_ / "plugins").c_str(), mode); }

  fs::path folder_, file_;
};

TEST_F(TrustedFiles, AreReadAndHashedOnce) {
  const TrustedFile read = read_trusted_file(file_);

  EXPECT_EQ(read.contents, "contents");
  EXPECT_EQ(read.sha256, sha256_file(file_));
  EXPECT_EQ(read.path, fs::canonical(file_));
}

TEST_F(TrustedFiles, MayBeWritableByAGroupThatIsTheUsersOwn) {
  ::chmod(file_.c_str(), 0664);
  mode_of_folder(0775);

  // As root, whose group is trusted; others may have one that is not theirs alone.
  if (::geteuid() == 0) {
    EXPECT_NO_THROW(read_trusted_file(file_));
  }
}

TEST_F(TrustedFiles, ThatAnotherGroupMayWriteToAreRefused) {
  if (!give_to_group_of_others(file_)) GTEST_SKIP() << "not root";
  EXPECT_NO_THROW(read_trusted_file(file_));  // as long as that group may not

  ::chmod(file_.c_str(), 0664);

  expect_refused(file_, "lets others write to this file", "chmod g-w '" + fs::canonical(file_).string() + "'");
}

TEST_F(TrustedFiles, InAFolderThatAnotherGroupMayWriteToAreRefused) {
  if (!give_to_group_of_others(folder_ / "plugins")) GTEST_SKIP() << "not root";
  mode_of_folder(0775);

  expect_refused(file_, "lets others write to its folder", "chmod g-w");
}

TEST_F(TrustedFiles, WithAnAccessListThatLetsOthersWriteAreRefused) {
  ::chmod(file_.c_str(), 0664);
  // user::rw- user:65534:rw- group::r-- mask::rw- other::r--, as the kernel has it.
  const auto entry = [](std::uint16_t tag, std::uint16_t rights, std::uint32_t id) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &tag, 2);
    std::memcpy(bytes.data() + 2, &rights, 2);
    std::memcpy(bytes.data() + 4, &id, 4);
    return bytes;
  };
  const std::string list = std::string("\2\0\0\0", 4) + entry(1, 6, ~0U) + entry(2, 6, 65534) + entry(4, 4, ~0U) +
                           entry(16, 6, ~0U) + entry(32, 4, ~0U);
  if (::setxattr(file_.c_str(), "system.posix_acl_access", list.data(), list.size(), 0) != 0)
    GTEST_SKIP() << "no access lists here";
  // Root's own group would be trusted whatever the list says.
  if (::geteuid() == 0) {
    ASSERT_TRUE(give_to_group_of_others(file_));
  }

  expect_refused(file_, "an access list", "chmod g-w");
}

TEST_F(TrustedFiles, UnderAFolderThatEverybodyMayWriteToAreRefused) {
  ::chmod(folder_.c_str(), 0777);

  expect_refused(file_, "everybody may write to the folder " + fs::canonical(folder_).string() + " above it",
                 "chmod o-w '" + fs::canonical(folder_).string() + "'");
}

TEST_F(TrustedFiles, UnderAFolderOfSomebodyElseAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  ASSERT_EQ(::chown(folder_.c_str(), 65534, 65534), 0);

  expect_refused(file_, "belongs to user 65534, so that another file may have been put in its place",
                 "copy of your own");
}

TEST_F(TrustedFiles, ThatEverybodyMayWriteToAreRefused) {
  ::chmod(file_.c_str(), 0646);

  expect_refused(file_, "everybody may write to this file", "chmod o-w '" + fs::canonical(file_).string() + "'");
}

TEST_F(TrustedFiles, InAFolderThatEverybodyMayWriteToAreRefused) {
  mode_of_folder(0777);

  expect_refused(file_, "everybody may write to its folder",
                 "chmod o-w '" + fs::canonical(folder_ / "plugins").string() + "'");
}

TEST_F(TrustedFiles, InAStickyFolderAreRead) {
  mode_of_folder(01777);

  EXPECT_NO_THROW(read_trusted_file(file_));
}

TEST_F(TrustedFiles, AreJudgedWhereALinkLeads) {
  fs::create_symlink(file_, folder_ / "link.so");
  mode_of_folder(0777);

  expect_refused(folder_ / "link.so", "everybody may write to its folder", "chmod");
}

TEST_F(TrustedFiles, OfSomebodyElseAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(file_.c_str(), 65534, 65534), 0);

  expect_refused(file_, "belongs to user 65534", "copy of your own");
}

TEST_F(TrustedFiles, AreFiles) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe.so").c_str(), 0600), 0);

  expect_refused(folder_ / "pipe.so", "not a file", "");
  expect_refused(folder_, "not a file", "");
}

TEST_F(TrustedFiles, ThatAreMissingAreAnErrorOfTheFileSystem) {
  try {
    read_trusted_file(folder_ / "nowhere.so");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::file_system);
  }
}

}  // namespace
}  // namespace pathline::solvers
