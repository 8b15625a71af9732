#pragma once
// Memory for many samples: aligned for vector instructions, not initialised, in huge pages where the system has them (a
// batch of large samples is 100 MB: 25,000 page faults otherwise, which take longer than filling it).
//
// Ownership: owns its memory. Thread-safety: as std::vector.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

namespace pathline::data {

template <typename T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) { resize(size); }
  Buffer(std::initializer_list<T> values) : Buffer(values.size()) { std::copy(values.begin(), values.end(), data()); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }

  /// Contents are unspecified afterwards. Memory once owned is kept. `huge_pages`: false where only scattered parts
  /// will be used at first.
  void resize(std::size_t size, bool huge_pages = true) {
    if (size > capacity_) {
      constexpr std::size_t huge_page = std::size_t{2} << 20;
      const std::size_t alignment = huge_pages && size * sizeof(T) >= 2 * huge_page ? huge_page : 64;
      const std::size_t bytes = (size * sizeof(T) + alignment - 1) / alignment * alignment;
      void* memory = std::aligned_alloc(alignment, bytes);
      if (memory == nullptr) throw std::bad_alloc();
      if (alignment == huge_page) (void)::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish
      memory_.reset(static_cast<T*>(memory));
      capacity_ = size;
    }
    size_ = size;
  }
  T* data() noexcept { return memory_.get(); }
  const T* data() const noexcept { return memory_.get(); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  T& operator[](std::size_t i) noexcept { return data()[i]; }
  const T& operator[](std::size_t i) const noexcept { return data()[i]; }
  friend bool operator==(const Buffer& a, const Buffer& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  struct Free {
    void operator()(T* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<T, Free> memory_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace pathline::data
