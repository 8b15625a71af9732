#include "core/hash.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/evp.h>
#include <xxhash.h>

#include "core/regular_file.h"

namespace pathline {
namespace {

void check(int result) {
  // OpenSSL fails here only for want of memory or a provider without SHA-256: nothing a user's input can cause.
  if (result != 1) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {
    if (context == nullptr) throw std::bad_alloc();
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(const void* data, std::size_t bytes) {
  if (state_ == nullptr) throw std::logic_error("Sha256::update after hex()");
  check(EVP_DigestUpdate(state_->context, data, bytes));
}

std::string Sha256::hex() {
  if (state_ == nullptr) throw std::logic_error("Sha256::hex called twice");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  check(EVP_DigestFinal_ex(state_->context, digest, &length));
  state_.reset();
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(std::size_t{2} * length);
  for (unsigned i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256_hex(const void* data, std::size_t bytes) {
  Sha256 hash;
  hash.update(data, bytes);
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const RegularFile file = open_regular_file(path);
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (true) {
    const std::size_t got = read_some(file.fd.get(), buffer.data(), buffer.size(), path);
    if (got == 0) return hash.hex();
    hash.update(buffer.data(), got);
  }
}

std::uint64_t xxh3_64(const void* data, std::size_t bytes) {
  return XXH3_64bits(data, bytes);
}

}  // namespace pathline
