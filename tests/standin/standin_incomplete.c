/* A library that calls itself NCCL and lacks most of its functions, as a very old one would. */
#include <nccl.h>

__attribute__((visibility("default"))) ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}
