#include "data/hdf5/hdf5_handle.h"

#include <stdexcept>
#include <vector>

namespace pathline::data {

Hdf5Scope::Hdf5Scope() {
  // Before HDF5's first use, else without effect: no clean-up at exit. Damaged files can leave HDF5 with handles it
  // cannot release, over which it complains, or crashes, at exit; pathline leaves it nothing to flush.
  H5dont_atexit();
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  // Process-wide and idempotent, so it is not undone: nothing in this program needs dynamic filters.
  H5PLset_loading_state(0);
}

Hdf5Scope::~Hdf5Scope() {
  H5Eset_auto2(H5E_DEFAULT, function_, data_);
}

std::string hdf5_reason() {
  std::vector<std::string> causes;
  const auto visit = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    if (error->desc != nullptr && error->desc[0] != '\0')
      static_cast<std::vector<std::string>*>(out)->emplace_back(error->desc);
    return 0;
  };
  if (H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &causes) < 0 || causes.empty()) return "no reason given";
  // The innermost two name the cause; the outer ones only repeat which function was called.
  std::string text = causes[0];
  if (causes.size() > 1 && causes[1] != causes[0]) text += " (" + causes[1] + ")";
  return text;
}

void require_hdf5(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("HDF5 could not ") + what + ": " + hdf5_reason());
}

}  // namespace pathline::data
