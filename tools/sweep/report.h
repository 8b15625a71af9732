#pragma once
// report.html of a sweep: one page that opens anywhere, offline. Pure text; no LibTorch. Thread-safe.

#include <string>

#include "tools/sweep/results.h"

namespace pathline::tools {

std::string sweep_report(const Sweep& sweep);

}  // namespace pathline::tools
