#include "data/sources/npy_header.h"

#include <array>
#include <cstring>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"

namespace pathline::data {

namespace {

constexpr std::array<unsigned char, 6> magic = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr std::uint32_t longest_header = 1 << 16;
constexpr std::size_t most_dimensions = 32;
constexpr std::uint64_t most_values = std::uint64_t{1} << 62;

/// A reader of the few literals that occur. Every mistake ends in one error that shows where it is.
class Literal {
 public:
  Literal(std::string_view text, const ByteStream& stream) : text_(text), stream_(stream) {}

  [[noreturn]] void fail(const std::string& expected) const {
    stream_.fail(
        fmt::format("the npy header is damaged: expected {} at character {} of {}", expected, at_, shown(text_)));
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char wanted) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(fmt::format("'{}'", wanted));
  }
  std::string string() {
    skip_spaces();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) fail("a string");
    const char quote = text_[at_++];
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail("the end of a string");
    const std::string_view value = text_.substr(at_, end - at_);
    if (value.find('\\') != std::string_view::npos) fail("a string without backslashes");
    at_ = end + 1;
    return std::string(value);
  }
  bool boolean() {
    skip_spaces();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return value;
    }
    fail("True or False");
  }
  std::uint64_t integer() {
    skip_spaces();
    const std::size_t begin = at_;
    std::uint64_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + static_cast<std::uint64_t>(text_[at_++] - '0');
      if (value > most_values) fail("a smaller number");
    }
    if (at_ == begin) fail("a whole number");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
    return value;
  }
  std::vector<std::uint64_t> tuple() {
    expect('(');
    std::vector<std::uint64_t> values;
    while (!accept(')')) {
      if (values.size() == most_dimensions) fail("at most 32 dimensions");
      values.push_back(integer());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }
  void expect_end() {
    skip_spaces();
    if (at_ != text_.size()) fail("nothing more");
  }

 private:
  std::string_view text_;
  const ByteStream& stream_;
  std::size_t at_ = 0;
};

}  // namespace

std::uint64_t NpyHeader::values() const {
  std::uint64_t product = 1;
  for (const std::uint64_t extent : shape) product *= extent;
  return product;
}

NpyHeader read_npy_header(ByteStream& stream) {
  std::array<unsigned char, 8> head{};
  stream.read(head.data(), head.size(), "its header");
  if (std::memcmp(head.data(), magic.data(), magic.size()) != 0)
    stream.fail("this is not a npy file: its first bytes are those of another format");
  const int version = head[6];
  if (version < 1 || version > 3 || head[7] != 0)
    stream.fail(fmt::format("npy version {}.{}; expected 1.0, 2.0 or 3.0", version, head[7]));
  std::array<unsigned char, 4> size{};
  stream.read(size.data(), version == 1 ? 2 : 4, "its header");
  const std::uint32_t length =
      size[0] | std::uint32_t{size[1]} << 8 | std::uint32_t{size[2]} << 16 | std::uint32_t{size[3]} << 24;
  if (length > longest_header)
    stream.fail(fmt::format("a header of {} bytes; expected at most {}", length, longest_header));
  std::string text(length, '\0');
  stream.read(text.data(), text.size(), "its header");

  Literal literal(text, stream);
  NpyHeader header;
  std::set<std::string> keys;
  literal.expect('{');
  while (!literal.accept('}')) {
    const std::string key = literal.string();
    literal.expect(':');
    if (!keys.insert(key).second) literal.fail("no key twice");
    if (key == "descr") {
      if (literal.accept('[')) stream.fail("an array of records; expected plain numbers", "save one field of it");
      header.descr = literal.string();
    } else if (key == "fortran_order") {
      header.fortran_order = literal.boolean();
    } else if (key == "shape") {
      header.shape = literal.tuple();
    } else {
      literal.fail("descr, fortran_order or shape as key");
    }
    if (!literal.accept(',')) {
      literal.expect('}');
      break;
    }
  }
  literal.expect_end();
  if (keys.size() != 3) stream.fail("the npy header is damaged: descr, fortran_order or shape is missing");
  std::uint64_t product = 1;
  for (const std::uint64_t extent : header.shape) {
    if (extent != 0 && product > most_values / extent)
      stream.fail("its dimensions multiply to more values than any file holds");
    product *= extent;
  }
  return header;
}

}  // namespace pathline::data
