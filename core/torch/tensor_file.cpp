#include "core/torch/tensor_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "core/safetensors.h"

namespace pathline {
namespace {

struct DtypeName {
  at::ScalarType type;
  const char* name;
};

constexpr std::array<DtypeName, 10> kDtypes{{{at::kDouble, "F64"},
                                             {at::kFloat, "F32"},
                                             {at::kHalf, "F16"},
                                             {at::kBFloat16, "BF16"},
                                             {at::kLong, "I64"},
                                             {at::kInt, "I32"},
                                             {at::kShort, "I16"},
                                             {at::kChar, "I8"},
                                             {at::kByte, "U8"},
                                             {at::kBool, "BOOL"}}};

const char* name_of(const at::Tensor& tensor, const std::string& tensor_name) {
  for (const DtypeName& dtype : kDtypes) {
    if (dtype.type == tensor.scalar_type()) return dtype.name;
  }
  throw std::logic_error("save_tensors: '" + tensor_name + "' has a dtype that safetensors files of pathline lack");
}

at::ScalarType type_of(const std::string& name) {
  for (const DtypeName& dtype : kDtypes) {
    if (name == dtype.name) return dtype.type;
  }
  throw std::logic_error("load_tensors: dtype '" + name + "' passed the reader but has no tensor type");
}

/// A name from a file, as shown() gives it, without its quotes: it stands in a list.
std::string clipped(const std::string& name) {
  const std::string text = shown(name);
  return text.substr(1, text.size() - 2);
}

std::string shape_text(const at::Tensor& tensor) {
  constexpr std::size_t kShown = 8;
  std::string text = "[";
  for (const std::int64_t size : tensor.sizes().slice(0, std::min<std::size_t>(tensor.sizes().size(), kShown))) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  if (tensor.sizes().size() > kShown) text += ", ... (" + std::to_string(tensor.dim()) + " dimensions)";
  return text + "]";
}

/// "3 missing: a, b, c", cut after some names: a foreign file may differ in hundreds.
std::string listed(const std::string& title, const std::vector<std::string>& items) {
  constexpr std::size_t kShown = 8;
  std::string text = std::to_string(items.size()) + " " + title + ": ";
  for (std::size_t i = 0; i < std::min(items.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + items[i];
  if (items.size() > kShown) text += ", and " + std::to_string(items.size() - kShown) + " more";
  return text;
}

}  // namespace

void save_tensors(const std::filesystem::path& target, const NamedTensors& tensors,
                  const std::map<std::string, std::string>& metadata) {
  std::vector<at::Tensor> held;  // keeps converted copies alive until they are written
  std::vector<SafetensorsSource> sources;
  held.reserve(tensors.size());
  sources.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) throw std::logic_error("save_tensors: '" + name + "' is undefined");
    held.push_back(tensor.detach().to(at::kCPU).contiguous());
    const at::Tensor& bytes = held.back();
    sources.push_back({name, name_of(bytes, name), bytes.sizes().vec(), bytes.const_data_ptr()});
  }
  write_safetensors(target, sources, metadata);
}

NamedTensors load_tensors(const std::filesystem::path& path, std::map<std::string, std::string>* metadata) {
  const SafetensorsReader reader(path);
  NamedTensors tensors;
  tensors.reserve(reader.entries().size());
  for (const SafetensorsEntry& entry : reader.entries()) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions().dtype(type_of(entry.dtype)));
    reader.read(entry, tensor.mutable_data_ptr());
    tensors.emplace_back(entry.name, std::move(tensor));
  }
  if (metadata != nullptr) *metadata = reader.metadata();
  return tensors;
}

namespace {

std::map<std::string, at::Tensor> by_name(const NamedTensors& tensors) {
  std::map<std::string, at::Tensor> found;
  for (const auto& [name, tensor] : tensors) {
    if (!found.emplace(name, tensor).second) throw std::logic_error("copy_tensors: source has '" + name + "' twice");
  }
  return found;
}

}  // namespace

void require_fit(const NamedTensors& source, const NamedTensors& target, const std::string& place) {
  const std::map<std::string, at::Tensor> given = by_name(source);
  std::vector<std::string> missing, unexpected, misshapen, mistyped;
  std::set<std::string> wanted;
  for (const auto& [name, tensor] : target) {
    if (!wanted.insert(name).second) throw std::logic_error("copy_tensors: target has '" + name + "' twice");
    const auto found = given.find(name);
    if (found == given.end()) {
      missing.push_back(name);
    } else if (found->second.sizes() != tensor.sizes()) {
      misshapen.push_back(name + " (expected " + shape_text(tensor) + ", found " + shape_text(found->second) + ")");
    } else if (found->second.is_floating_point() != tensor.is_floating_point()) {
      mistyped.push_back(name + " (expected " + name_of(tensor, name) + ", found " + name_of(found->second, name) +
                         ")");
    }
  }
  for (const auto& [name, tensor] : source) {
    if (wanted.count(name) == 0) unexpected.push_back(clipped(name));
  }
  if (!missing.empty() || !unexpected.empty() || !misshapen.empty() || !mistyped.empty()) {
    std::string message = "the tensors do not fit";
    if (!missing.empty()) message += "; " + listed("missing", missing);
    if (!unexpected.empty()) message += "; " + listed("unexpected", unexpected);
    if (!misshapen.empty()) message += "; " + listed("of another shape", misshapen);
    if (!mistyped.empty()) message += "; " + listed("of another kind of number", mistyped);
    throw Error(ExitCode::bad_input, message, place, "compare the network settings with those the file was made with");
  }
}

void copy_tensors(const NamedTensors& source, const NamedTensors& target, const std::string& place) {
  require_fit(source, target, place);  // first, so that a misfit leaves the target as it was
  const std::map<std::string, at::Tensor> given = by_name(source);
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : target) tensor.copy_(given.at(name));
}

}  // namespace pathline
