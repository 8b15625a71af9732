#include "core/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/regular_file.h"

static_assert(std::endian::native == std::endian::little, "safetensors bytes are written as they lie in memory");

namespace pathline {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;  // the format's own limit
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kHint = "write the file again, or copy it again from where it came";

/// Number of bytes of a tensor; nothing if it does not fit 63 bits. Sizes of 0 count as 1 in the check, because strides
/// are products too.
std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape, std::uint64_t item_size) {
  constexpr auto kLimit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t product = item_size;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size == 0) {
      empty = true;
      continue;
    }
    if (product > kLimit / static_cast<std::uint64_t>(size)) return {};
    product *= static_cast<std::uint64_t>(size);
  }
  return empty ? 0 : product;
}

/// A tensor as the header declares it, before any of it is believed.
struct Declared {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<std::uint64_t>> shape, offsets;
};

/// Reads exactly the header's grammar, event by event: nothing else is ever stored, however deep or large it is, and
/// repeated keys, which a JSON tree would drop, are seen.
class HeaderParser : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderParser(const std::string& file) : file_(file) {}

  std::vector<Declared> tensors;
  std::map<std::string, std::string> metadata;

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("true or false"); }
  bool number_integer(number_integer_t) override { refuse("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override { refuse("the number " + shown(text)); }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::shape) {
      tensors.back().shape->push_back(value);
    } else if (state_ == State::offsets) {
      tensors.back().offsets->push_back(value);
    } else {
      refuse("a number");
    }
    return true;
  }

  bool string(string_t& value) override {
    if (state_ == State::metadata) {
      metadata[key_] = value;
    } else if (state_ == State::tensor && key_ == "dtype") {
      tensors.back().dtype = value;
    } else {
      refuse("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (state_ == State::before) {
      state_ = State::top;
    } else if (state_ == State::top) {
      state_ = key_ == kMetadata ? State::metadata : State::tensor;
      if (state_ == State::tensor) tensors.push_back({key_, {}, {}, {}});
    } else {
      refuse("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    bool repeated;
    if (state_ == State::top) {
      repeated = !names_.insert(name).second;
    } else if (state_ == State::metadata) {
      repeated = metadata.count(name) != 0;
    } else {
      const Declared& tensor = tensors.back();
      if (name != "dtype" && name != "shape" && name != "data_offsets") {
        fail("tensor " + shown(tensor.name) + " has the unknown field " + shown(name) +
             ", expected dtype, shape and data_offsets");
      }
      repeated =
          name == "dtype" ? tensor.dtype.has_value() : (name == "shape" ? tensor.shape : tensor.offsets).has_value();
    }
    if (repeated) fail("the name " + shown(name) + " appears twice in the header");
    key_ = name;
    return true;
  }

  bool end_object() override {
    if (state_ == State::tensor) {
      const Declared& tensor = tensors.back();
      if (!tensor.dtype || !tensor.shape || !tensor.offsets) {
        fail("tensor " + shown(tensor.name) + " lacks its " +
             (!tensor.dtype   ? "dtype"
              : !tensor.shape ? "shape"
                              : "data_offsets"));
      }
    }
    state_ = state_ == State::top ? State::after : State::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ == State::tensor && key_ == "shape") {
      tensors.back().shape.emplace();
      state_ = State::shape;
    } else if (state_ == State::tensor && key_ == "data_offsets") {
      tensors.back().offsets.emplace();
      state_ = State::offsets;
    } else {
      refuse("a list");
    }
    return true;
  }

  bool end_array() override {
    state_ = State::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("the header is not valid JSON at byte " + std::to_string(kLengthBytes + position));
  }

 private:
  enum class State { before, top, metadata, tensor, shape, offsets, after };

  [[noreturn]] void fail(const std::string& message) const { throw Error(ExitCode::bad_input, message, file_, kHint); }

  [[noreturn]] void refuse(const std::string& found) const {
    std::string where, expected;
    switch (state_) {
      case State::before:
      case State::after:
        where = "the header", expected = "an object";
        break;
      case State::top:
        where = "the header's entry " + shown(key_), expected = "an object";
        break;
      case State::metadata:
        where = "the metadata entry " + shown(key_), expected = "a string";
        break;
      case State::tensor:
        where = shown(key_) + " of tensor " + shown(tensors.back().name);
        expected = key_ == "dtype" ? "a string" : "a list of whole numbers";
        break;
      case State::shape:
      case State::offsets:
        where = shown(key_) + " of tensor " + shown(tensors.back().name);
        expected = "whole numbers from 0 to 2^63 - 1";
        break;
    }
    fail("expected " + expected + " as " + where + ", found " + found);
  }

  const std::string& file_;
  State state_ = State::before;
  std::string key_;  // the last key seen
  std::set<std::string> names_;
};

/// A believed tensor: known dtype, sizes that multiply without overflow, offsets that fit them.
SafetensorsEntry checked(const Declared& declared, std::uint64_t data_begin, std::uint64_t data_bytes,
                         const std::string& file) {
  const auto fail = [&](const std::string& message) {
    throw Error(ExitCode::bad_input, "tensor " + shown(declared.name) + ": " + message, file, kHint);
  };
  SafetensorsEntry entry;
  entry.name = declared.name;
  entry.dtype = *declared.dtype;
  const std::size_t item_size = safetensors_item_size(entry.dtype);
  if (item_size == 0) {
    fail("dtype " + shown(entry.dtype) + " is not supported, expected F64 F32 F16 BF16 I64 I32 I16 I8 U8 or BOOL");
  }
  for (const std::uint64_t size : *declared.shape) {
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail("a size of " + std::to_string(size) + " is too large");
    }
    entry.shape.push_back(static_cast<std::int64_t>(size));
  }
  const std::optional<std::uint64_t> bytes = byte_count(entry.shape, item_size);
  if (!bytes) fail("the product of its sizes is too large");
  if (declared.offsets->size() != 2) {
    fail("expected two data_offsets, found " + std::to_string(declared.offsets->size()));
  }
  const std::uint64_t begin = (*declared.offsets)[0], end = (*declared.offsets)[1];
  if (begin > end || end > data_bytes) {
    fail("data_offsets " + std::to_string(begin) + " to " + std::to_string(end) + " do not lie within the " +
         std::to_string(data_bytes) + " bytes of data in the file (is it truncated?)");
  }
  if (end - begin != *bytes) {
    fail("its shape and dtype need " + std::to_string(*bytes) + " bytes, its data_offsets give " +
         std::to_string(end - begin));
  }
  entry.offset = data_begin + begin;
  entry.bytes = *bytes;
  return entry;
}

/// The format wants every byte of data to belong to exactly one tensor, so that nothing can hide in the file.
void check_tiling(const std::vector<SafetensorsEntry>& by_offset, std::uint64_t data_begin, std::uint64_t data_bytes,
                  const std::string& file) {
  std::uint64_t expected = data_begin;
  for (const SafetensorsEntry& entry : by_offset) {
    if (entry.offset != expected) {
      throw Error(ExitCode::bad_input,
                  "tensor " + shown(entry.name) + " starts at byte " + std::to_string(entry.offset) + ", expected " +
                      std::to_string(expected) +
                      (entry.offset < expected ? ": tensors overlap" : ": there is a hole before it"),
                  file, kHint);
    }
    expected += entry.bytes;
  }
  if (expected != data_begin + data_bytes) {
    throw Error(ExitCode::bad_input,
                std::to_string(data_begin + data_bytes - expected) + " bytes at the end belong to no tensor", file,
                kHint);
  }
}

}  // namespace

std::size_t safetensors_item_size(const std::string& dtype) {
  if (dtype == "F64" || dtype == "I64") return 8;
  if (dtype == "F32" || dtype == "I32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  return 0;
}

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path) : path_(path) {
  const std::string place = path.string();
  RegularFile opened = open_regular_file(path, "the safetensors file");
  file_ = std::move(opened.fd);
  const std::uint64_t file_bytes = opened.bytes;

  std::array<unsigned char, kLengthBytes> prefix{};
  if (file_bytes < kLengthBytes || read_at(file_.get(), prefix.data(), prefix.size(), 0, path_) != prefix.size()) {
    throw Error(ExitCode::bad_input,
                "expected a safetensors file, found one of only " + std::to_string(file_bytes) + " bytes", place,
                kHint);
  }
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, prefix.data(), prefix.size());
  if (header_bytes > kLargestHeader || header_bytes > file_bytes - kLengthBytes) {
    const bool zip = std::memcmp(prefix.data(), "PK\x03\x04", 4) == 0;
    throw Error(ExitCode::bad_input,
                zip ? std::string("expected a safetensors file, found a zip archive")
                    : "expected a safetensors file, found a header length of " + std::to_string(header_bytes) +
                          " bytes in a file of " + std::to_string(file_bytes) + " (at most 100 MB are allowed)",
                place,
                zip ? "a .pt file becomes one in Python: safetensors.torch.save_file(torch.load(...), ...)"
                    : "the file is truncated or of another kind");
  }

  std::string header(static_cast<std::size_t>(header_bytes), '\0');
  if (read_at(file_.get(), header.data(), header.size(), kLengthBytes, path_) != header.size()) {
    throw Error(ExitCode::bad_input, "the file became shorter while it was read", place, kHint);
  }
  // The JSON reader would skip a byte order mark and stop at a zero byte; the format allows neither.
  if (header.empty() || header[0] != '{' || header.find('\0') != std::string::npos) {
    throw Error(ExitCode::bad_input, "the header is not a JSON object", place, kHint);
  }
  HeaderParser parser(place);
  nlohmann::json::sax_parse(header, &parser);

  const std::uint64_t data_begin = kLengthBytes + header_bytes;
  const std::uint64_t data_bytes = file_bytes - data_begin;
  entries_.reserve(parser.tensors.size());
  for (const Declared& declared : parser.tensors) {
    entries_.push_back(checked(declared, data_begin, data_bytes, place));
  }
  // Empty tensors come before the one that starts at the same byte.
  std::stable_sort(entries_.begin(), entries_.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  check_tiling(entries_, data_begin, data_bytes, place);
  for (std::size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
  metadata_ = std::move(parser.metadata);
}

const SafetensorsEntry* SafetensorsReader::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

void SafetensorsReader::read(const SafetensorsEntry& entry, void* out) const {
  if (read_at(file_.get(), out, entry.bytes, entry.offset, path_) != entry.bytes) {
    throw Error(ExitCode::bad_input, "the file became shorter while tensor " + shown(entry.name) + " was read",
                path_.string(), kHint);
  }
}

void write_safetensors(const std::filesystem::path& target, const std::vector<SafetensorsSource>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return safetensors_item_size(tensors[a].dtype) > safetensors_item_size(tensors[b].dtype);
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::set<std::string> names{kMetadata};
  std::vector<std::uint64_t> sizes;
  std::uint64_t offset = 0;
  std::string text;
  for (const std::size_t i : order) {
    const SafetensorsSource& tensor = tensors[i];
    if (!names.insert(tensor.name).second) {
      throw std::logic_error("write_safetensors: name '" + tensor.name + "' is reserved or given twice");
    }
    const std::size_t item_size = safetensors_item_size(tensor.dtype);
    if (item_size == 0) throw std::logic_error("write_safetensors: unknown dtype '" + tensor.dtype + "'");
    for (const std::int64_t size : tensor.shape) {
      if (size < 0) throw std::logic_error("write_safetensors: negative size in '" + tensor.name + "'");
    }
    const std::optional<std::uint64_t> bytes = byte_count(tensor.shape, item_size);
    if (!bytes) throw std::logic_error("write_safetensors: sizes of '" + tensor.name + "' overflow");
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + *bytes}}};
    offset += *bytes;
    sizes.push_back(*bytes);
  }
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    throw Error(ExitCode::usage, "a tensor name or metadata text is not valid UTF-8", target.string());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kLargestHeader) {
    throw Error(ExitCode::usage, "the header would be larger than the 100 MB that the format allows", target.string());
  }

  DurableFile file(target);
  const std::uint64_t header_bytes = text.size();
  file.write(&header_bytes, sizeof header_bytes);
  file.write(text);
  for (std::size_t k = 0; k < order.size(); ++k) file.write(tensors[order[k]].data, sizes[k]);
  file.commit();
}

}  // namespace pathline
