#include "data/hdf5/hdf5_layout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "data/hdf5/lookup3.h"

namespace pathline::data {

namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::uint64_t undefined = ~std::uint64_t{0};
// Far above what a shard needs (its headers take some 200 bytes each), far below what could hurt.
constexpr std::uint64_t largest_header = std::uint64_t{64} * 1024;
constexpr std::size_t most_blocks = 128, most_messages = 256, most_dims = 32;
constexpr const char* hint = "restore the file from a copy, or make the shards anew with `pathline shards create`";

// Message types (specification, IV.A.2).
enum Type : unsigned {
  dataspace = 0x01,
  link_info = 0x02,
  datatype = 0x03,
  external_files = 0x07,
  layout = 0x08,
  filters = 0x0b,
  link = 0x06,
  continuation = 0x10,
  symbol_table = 0x11,
};

/// A walk over bytes that never leaves them: past the end it says so, and gives zeros.
class Walk {
 public:
  explicit Walk(const Bytes& bytes, std::size_t at = 0, std::size_t end = std::numeric_limits<std::size_t>::max())
      : bytes_(bytes), at_(at), end_(std::min(end, bytes.size())) {}
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    if (!take(width)) return 0;
    for (std::size_t i = 0; i < width; ++i) value |= static_cast<std::uint64_t>(bytes_[at_ - width + i]) << 8 * i;
    return value;
  }
  std::string text(std::uint64_t length) {
    if (!take(length)) return {};
    return {bytes_.begin() + static_cast<std::ptrdiff_t>(at_ - length),
            bytes_.begin() + static_cast<std::ptrdiff_t>(at_)};
  }
  Bytes bytes(std::uint64_t length) {
    const std::string copied = text(length);
    return {copied.begin(), copied.end()};
  }
  bool skip(std::uint64_t count) { return take(count); }
  bool whole() const noexcept { return !broken_; }
  std::size_t left() const noexcept { return broken_ ? 0 : end_ - at_; }

 private:
  bool take(std::uint64_t count) {
    if (broken_ || count > end_ - at_) broken_ = true;
    if (!broken_) at_ += count;
    return !broken_;
  }
  const Bytes& bytes_;
  std::size_t at_, end_;
  bool broken_ = false;
};

struct TypeFacts {
  std::string name;
  std::uint64_t item_bytes = 0;
};

/// A datatype message (IV.A.2.d). Known types are told by their whole description, every bit of it.
TypeFacts type_facts(const Bytes& body) {
  struct Known {
    const char* name;
    Bytes description;  // class, bit field, size, properties
  };
  static const Known known[] = {
      {"uint8", {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0}},
      {"int64", {0, 8, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0}},
      {"uint64", {0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0}},
      {"float32", {1, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0}},
      {"float64", {1, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0}},
  };
  if (body.size() < 8) return {"a type that is cut short", 0};
  Bytes plain = body;
  plain[0] &= 0x0f;  // without the version of the encoding
  Walk size(plain, 4);
  const std::uint64_t item_bytes = size.number(4);
  for (const Known& type : known) {
    // Messages of version 1 headers are padded; here they are not, but a byte more would do no harm.
    if (plain.size() >= type.description.size() &&
        std::equal(type.description.begin(), type.description.end(), plain.begin()))
      return {type.name, item_bytes};
  }
  static const char* const classes[] = {"integer",     "floating point",  "time",     "string",
                                        "bit field",   "opaque",          "compound", "reference",
                                        "enumeration", "variable-length", "array"};
  const unsigned kind = plain[0];
  const bool number = kind <= 1, big = number && (plain[1] & 1) != 0;
  return {fmt::format("{}{}{} of {} bytes", big ? "big-endian " : "",
                      kind != 0             ? ""
                      : (plain[1] & 8) != 0 ? "signed "
                                            : "unsigned ",
                      kind < std::size(classes) ? classes[kind] : "another kind", item_bytes),
          item_bytes};
}

}  // namespace

void Hdf5Layout::refuse(const std::string& object, const std::string& message) const {
  throw Error(ExitCode::bad_input, message, path_.string() + (object.empty() ? "" : ":" + object), hint);
}

std::vector<unsigned char> Hdf5Layout::read(std::uint64_t address, std::uint64_t bytes,
                                            const std::string& object) const {
  if (bytes > largest_header) refuse(object, fmt::format("a header of {} bytes is not plausible", bytes));
  if (address > file_bytes_ || bytes > file_bytes_ - address) {
    refuse(object, fmt::format("its header of {} bytes at address {} passes the end of the file ({} bytes)", bytes,
                               address, file_bytes_));
  }
  Bytes out(bytes);
  if (read_at(fd_, out.data(), out.size(), address, path_) != out.size()) refuse(object, "the file ended early");
  return out;
}

Hdf5Layout::Hdf5Layout(int fd, std::uint64_t file_bytes, std::uint64_t expected_bytes, std::filesystem::path path)
    : fd_(fd), file_bytes_(file_bytes), path_(std::move(path)) {
  static constexpr std::array<unsigned char, 8> signature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  Bytes head(std::min<std::uint64_t>(file_bytes, 48));
  head.resize(read_at(fd, head.data(), head.size(), 0, path_));
  if (head.size() < signature.size() || !std::equal(signature.begin(), signature.end(), head.begin())) {
    refuse("", head.empty() ? "the file is empty; expected an HDF5 shard"
                            : "this is not an HDF5 file (its signature is missing)");
  }
  if (file_bytes < expected_bytes)
    refuse("", fmt::format("the file is truncated: index.json says {} bytes, found {}", expected_bytes, file_bytes));
  if (file_bytes > expected_bytes) {
    refuse("", fmt::format("this is not the file that index.json names: it says {} bytes, found {}", expected_bytes,
                           file_bytes));
  }
  Walk walk(head, signature.size());
  const std::uint64_t version = walk.number(1);
  if (head.size() < 48) refuse("", "the file ends in its superblock");
  if (version != 3) {
    refuse("",
           fmt::format("expected HDF5 superblock version 3 (whose metadata carry checksums), found version {}: not a "
                       "file of pathline's",
                       version));
  }
  const std::uint64_t offset_width = walk.number(1), length_width = walk.number(1);
  walk.skip(1);  // consistency flags: of no meaning to a reader
  const std::uint64_t base = walk.number(8), extension = walk.number(8), end = walk.number(8), root = walk.number(8);
  const std::uint64_t checksum = walk.number(4);
  if (lookup3(head.data(), 44) != checksum) refuse("", "the HDF5 superblock is damaged: its checksum is wrong");
  if (offset_width != 8 || length_width != 8)
    refuse("", fmt::format("expected addresses of 8 bytes, found {} and {}", offset_width, length_width));
  if (base != 0) refuse("", "the HDF5 base address is not 0: the file has a user block");
  if (extension != undefined) refuse("", "expected no superblock extension");
  if (end != file_bytes) refuse("", fmt::format("the HDF5 header says {} bytes, found {}", end, file_bytes));

  root_ = root;
  links_at(root_, "/");  // throws if it is no such group
}

/// The links of the group at `address`, which is called `object` in messages.
std::vector<Hdf5Layout::Link> Hdf5Layout::links_at(std::uint64_t address, const std::string& object) const {
  std::vector<Link> links;
  for (const Message& message : messages_at(address, object)) {
    if (message.type == symbol_table) refuse(object, "expected a group of the new style, found a symbol table");
    if (message.type == link_info) {
      Walk info(message.body);
      info.skip(1);
      const std::uint64_t flags = info.number(1);
      if ((flags & 1) != 0) info.skip(8);  // largest creation order
      const std::uint64_t heap = info.number(8);
      if (!info.whole()) refuse(object, "its link information is cut short");
      if (heap != undefined) refuse(object, "expected few objects, found too many to stand in the group's header");
    }
    if (message.type != link) continue;
    Walk walk(message.body);
    const std::uint64_t link_version = walk.number(1), flags = walk.number(1);
    const std::uint64_t kind = (flags & 8) != 0 ? walk.number(1) : 0;
    if ((flags & 4) != 0) walk.skip(8);     // creation order
    if ((flags & 0x10) != 0) walk.skip(1);  // character set
    const std::uint64_t length = walk.number(std::size_t{1} << (flags & 3));
    Link found;
    found.name = walk.text(length);
    found.hard = kind == 0;
    if (found.hard) found.address = walk.number(8);
    if (link_version != 1 || !walk.whole() || found.name.empty()) refuse(object, "one of its links is malformed");
    links.push_back(std::move(found));
  }
  return links;
}

/// Where the header of the object at `path` lies: each name on it must be that of one hard link.
std::uint64_t Hdf5Layout::address_of(const std::string& path) const {
  std::uint64_t address = root_;
  std::string group = "/";
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, slash - at), object = "/" + path.substr(0, slash);
    const std::vector<Link> links = links_at(address, group);
    const auto named = [&](const Link& each) { return each.name == name; };
    const auto found = std::find_if(links.begin(), links.end(), named);
    if (found == links.end()) refuse(object, "no such object in this file");
    if (std::count_if(links.begin(), links.end(), named) != 1) refuse(object, "two links have this name");
    if (!found->hard) refuse(object, "this is a soft or external link; expected the object itself");
    address = found->address;
    group = object;
    at = slash + 1;
  }
  return address;
}

std::size_t Hdf5Layout::objects(const std::string& path) const {
  return links_at(address_of(path), "/" + path).size();
}

/// The messages of one block of an object header, up to the gap before its checksum.
void Hdf5Layout::read_block(const std::vector<unsigned char>& block, std::size_t begin, bool ordered,
                            const std::string& object, std::vector<Message>& messages) const {
  const std::size_t prefix = ordered ? 6 : 4;
  Walk walk(block, begin, block.size() - 4);
  while (walk.left() >= prefix) {
    Message message;
    message.type = static_cast<unsigned>(walk.number(1));
    const std::uint64_t bytes = walk.number(2);
    message.flags = static_cast<unsigned>(walk.number(1));
    if (ordered) walk.skip(2);
    message.body = walk.bytes(bytes);
    if (!walk.whole()) refuse(object, "a message of its header passes the header's end");
    messages.push_back(std::move(message));
    if (messages.size() > most_messages) refuse(object, "its header holds too many messages");
  }
}

std::vector<Hdf5Layout::Message> Hdf5Layout::messages_at(std::uint64_t address, const std::string& object) const {
  const auto check = [&](const Bytes& block) {
    Walk tail(block, block.size() - 4);
    if (tail.number(4) != lookup3(block.data(), block.size() - 4))
      refuse(object, "its metadata are damaged: a checksum is wrong");
  };
  // Signature, version, flags; then optional times and limits; then the size of the first block.
  const std::uint64_t available = address < file_bytes_ ? file_bytes_ - address : 0;
  const Bytes prefix = read(address, std::min<std::uint64_t>(available, 34), object);
  Walk walk(prefix);
  if (walk.text(4) != "OHDR" || walk.number(1) != 2)
    refuse(object, fmt::format("expected an object header of version 2 at address {}", address));
  const std::uint64_t flags = walk.number(1);
  std::size_t begin = 6;
  if ((flags & 0x20) != 0) walk.skip(16), begin += 16;
  if ((flags & 0x10) != 0) walk.skip(4), begin += 4;
  const std::size_t width = std::size_t{1} << (flags & 3);
  const std::uint64_t bytes = walk.number(width);
  if (!walk.whole()) refuse(object, "its header is cut short");
  if (bytes > largest_header) refuse(object, fmt::format("a header of {} bytes is not plausible", bytes));
  begin += width;

  std::vector<Message> messages;
  const bool ordered = (flags & 4) != 0;
  const Bytes first = read(address, begin + bytes + 4, object);
  check(first);
  read_block(first, begin, ordered, object, messages);
  std::size_t blocks = 1;
  for (std::size_t i = 0; i < messages.size(); ++i) {  // grows while it is walked
    if (messages[i].type != continuation) continue;
    if (++blocks > most_blocks) refuse(object, "its header has too many parts");
    Walk place(messages[i].body);
    const std::uint64_t at = place.number(8), length = place.number(8);
    if (!place.whole() || length < 8) refuse(object, "a part of its header is malformed");
    const Bytes block = read(at, length, object);
    if (std::memcmp(block.data(), "OCHK", 4) != 0)
      refuse(object, fmt::format("expected a continued object header at address {}", at));
    check(block);
    read_block(block, 4, ordered, object, messages);
  }
  return messages;
}

StoredDataset Hdf5Layout::dataset(const std::string& path) const {
  const std::string object = "/" + path;
  const std::vector<Message> messages = messages_at(address_of(path), object);
  const auto only = [&](unsigned type) -> const Message* {
    const Message* one = nullptr;
    for (const Message& message : messages) {
      if (message.type != type) continue;
      if (one != nullptr) refuse(object, "its header says one thing twice");
      one = &message;
    }
    return one;
  };
  const Message* const space = only(dataspace);
  const Message* const type = only(datatype);
  const Message* const place = only(layout);
  if (space == nullptr || type == nullptr || place == nullptr)
    refuse(object, "this is a group or a type; expected a dataset");
  for (const Message* message : {space, type, place}) {
    if ((message->flags & 2) != 0)
      refuse(object, "its description lies elsewhere in the file; expected it in its header");
  }
  if (only(external_files) != nullptr) refuse(object, "keeps its data in another file; expected data in this file");
  if (const Message* pipeline = only(filters)) {
    Walk walk(pipeline->body);
    const std::uint64_t version = walk.number(1);
    walk.skip(version == 1 ? 7 : 1);
    const std::uint64_t id = walk.number(2);
    if (id > 3) refuse(object, fmt::format("uses filter {}; expected none", id));
  }

  StoredDataset set;
  const TypeFacts facts = type_facts(type->body);
  set.type = facts.name;
  {
    Walk walk(space->body);
    const std::uint64_t version = walk.number(1), rank = walk.number(1);
    walk.skip(1);  // flags: maximal dimensions may follow the dimensions
    const std::uint64_t kind = version == 2 ? walk.number(1) : 1;
    if (version == 1) walk.skip(5);
    if ((version != 1 && version != 2) || kind > 1 || rank > most_dims) refuse(object, "has no dimensions");
    for (std::uint64_t i = 0; i < rank; ++i) set.dims.push_back(walk.number(8));
    if (!walk.whole()) refuse(object, "its dimensions are cut short");
  }
  set.bytes = facts.item_bytes;
  for (const std::uint64_t extent : set.dims) {
    if (extent != 0 && set.bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / extent) {
      refuse(object,
             fmt::format("its dimensions [{}] multiply to more bytes than any file holds", fmt::join(set.dims, ", ")));
    }
    set.bytes *= extent;
  }
  {
    Walk walk(place->body);
    const std::uint64_t version = walk.number(1), kind = walk.number(1);
    if (version != 3 && version != 4)
      refuse(object, fmt::format("expected a layout of version 3 or 4, found {}", version));
    if (kind == 3) refuse(object, "is a virtual dataset, whose data lie in other files; expected data in this file");
    if (kind != 1)
      refuse(object, kind == 2 ? "expected contiguous storage, found chunks"
                               : "expected contiguous storage, found compact storage");
    set.offset = walk.number(8);
    const std::uint64_t stored = walk.number(8);
    if (!walk.whole()) refuse(object, "its layout is cut short");
    if (set.offset == undefined || stored != set.bytes) {
      refuse(object, fmt::format("expected {} bytes of data, found {}: the dataset was never written", set.bytes,
                                 set.offset == undefined ? 0 : stored));
    }
  }
  if (set.offset > file_bytes_ || set.bytes > file_bytes_ - set.offset) {
    refuse(object, fmt::format("its {} bytes at offset {} pass the end of the file ({} bytes)", set.bytes, set.offset,
                               file_bytes_));
  }
  return set;
}

}  // namespace pathline::data
