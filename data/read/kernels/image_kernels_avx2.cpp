#if defined(__x86_64__)
#define PATHLINE_VARIANT image_kernels_avx2
#define PATHLINE_VARIANT_NAME "avx2"
#include "data/read/kernels/image_kernels_body.h"
#endif
