#pragma once
// The thin layer between pathline and the HDF5 C library: handles that close themselves, and failures that become
// pathline's Error.
//
// HDF5 prints its error stack on stderr by default; Hdf5Scope silences it for the calls made in its lifetime (the stack
// is per thread), so that a user sees one message of ours. Every function that calls HDF5 begins with one.
// Thread-safety: HDF5 has one lock for all calls; correct from several threads, but never faster. Nothing here is used
// while batches are read.

#include <string>
#include <utility>

#include <hdf5.h>

namespace pathline::data {

/// Owns one HDF5 identifier (file, group, dataset, type, space, property list or attribute).
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) noexcept : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }

  explicit operator bool() const noexcept { return id_ >= 0; }
  hid_t get() const noexcept { return id_; }
  /// Closes now and says whether that worked; the destructor cannot.
  bool close() noexcept { return id_ < 0 || close_(std::exchange(id_, H5I_INVALID_HID)) >= 0; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// While alive: this thread's HDF5 errors are not printed, and no filter plug-in is loaded from HDF5_PLUGIN_PATH (a
/// shared object found there would run inside our process because a file asks for it).
class Hdf5Scope {
 public:
  Hdf5Scope();
  ~Hdf5Scope();
  Hdf5Scope(const Hdf5Scope&) = delete;
  Hdf5Scope& operator=(const Hdf5Scope&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// What HDF5 says about its last failure in this thread, innermost cause first; "no reason given" if nothing.
std::string hdf5_reason();

/// For calls that can only fail through a lack of memory or a mistake of ours: throws std::runtime_error naming the
/// call.
void require_hdf5(bool succeeded, const char* what);
inline Hdf5Handle require_handle(hid_t id, Hdf5Handle::Close close, const char* what) {
  require_hdf5(id >= 0, what);
  return {id, close};
}

}  // namespace pathline::data
