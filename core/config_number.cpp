// Number parsing of core/config_schema.h.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "core/config_schema.h"
#include "core/error.h"

namespace pathline {
namespace {

/// A decimal number as it stands: digits without leading zeros, value = +-digits * 10^exponent.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int unit_exponent(char unit) {
  switch (unit) {
    case 'k':
      return 3;
    case 'M':
      return 6;
    case 'G':
      return 9;
    default:
      return 0;
  }
}

/// [+-] digits [. digits] [e [+-] digits] [k | M | G], and nothing else: no nan, inf, hexadecimal or white space.
std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal number;
  std::size_t at = 0;
  const auto more = [&] { return at < text.size(); };
  if (more() && (text[at] == '+' || text[at] == '-')) number.negative = text[at++] == '-';
  std::size_t seen = 0;
  const auto read_digits = [&](int step) {
    for (; more() && is_digit(text[at]); ++at, ++seen) {
      number.exponent -= step;
      if (!number.digits.empty() || text[at] != '0') number.digits += text[at];
    }
  };
  read_digits(0);
  if (more() && text[at] == '.') {
    ++at;
    read_digits(1);
  }
  if (seen == 0) return {};
  if (more() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool negative = more() && text[at] == '-';
    if (more() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!more() || !is_digit(text[at])) return {};
    int exponent = 0;
    for (; more() && is_digit(text[at]); ++at) exponent = std::min(exponent * 10 + (text[at] - '0'), 100000);
    number.exponent += negative ? -exponent : exponent;
  }
  if (more()) {
    const int unit = unit_exponent(text[at]);
    if (unit == 0 || at + 1 != text.size()) return {};
    number.exponent += unit;
  }
  return number;
}

/// The value if it is whole; the ends of the range when it is beyond 64 bits, with `beyond` set.
std::optional<std::int64_t> whole_value(Decimal number, bool& beyond) {
  constexpr std::int64_t kMinimum = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMaximum = std::numeric_limits<std::int64_t>::max();
  beyond = false;
  while (!number.digits.empty() && number.digits.back() == '0') {
    number.digits.pop_back();
    ++number.exponent;
  }
  if (number.digits.empty()) return 0;
  if (number.exponent < 0) return {};
  const std::size_t length = number.digits.size() + static_cast<std::size_t>(number.exponent);
  if (length <= 19) {  // 10^19 fits 64 unsigned bits
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i) {
      value = value * 10 + static_cast<std::uint64_t>(i < number.digits.size() ? number.digits[i] - '0' : 0);
    }
    constexpr auto kLimit = static_cast<std::uint64_t>(kMaximum);
    if (value <= kLimit) return number.negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
    if (number.negative && value == kLimit + 1) return kMinimum;
  }
  beyond = true;
  return number.negative ? kMinimum : kMaximum;
}

}  // namespace

std::int64_t parse_integer(std::string_view text, std::int64_t minimum, std::int64_t maximum,
                           const std::string& place) {
  bool beyond = false;
  const std::optional<Decimal> number = read_decimal(text);
  const std::optional<std::int64_t> value = number ? whole_value(*number, beyond) : std::nullopt;
  if (value && !beyond && *value >= minimum && *value <= maximum) return *value;
  std::string range;
  if (minimum == std::numeric_limits<std::int64_t>::min() && maximum == std::numeric_limits<std::int64_t>::max()) {
    range = "";
  } else if (maximum == std::numeric_limits<std::int64_t>::max()) {
    range = fmt::format(" of at least {}", minimum);
  } else if (minimum == std::numeric_limits<std::int64_t>::min()) {
    range = fmt::format(" of at most {}", maximum);
  } else {
    range = fmt::format(" from {} to {}", minimum, maximum);
  }
  throw Error(ExitCode::usage, fmt::format("expected a whole number{}, found {}", range, shown(text)), place,
              value ? "" : "write for example 5000, 5e3 or 5k");
}

double parse_real(std::string_view text, double minimum, double maximum, const std::string& place) {
  const std::optional<Decimal> number = read_decimal(text);
  double value = std::numeric_limits<double>::quiet_NaN();
  if (number) {
    // Written out again with the unit folded into the exponent, so that 0.1k is the double nearest to 100.
    const std::string plain = fmt::format("{}{}e{}", number->negative ? "-" : "",
                                          number->digits.empty() ? "0" : number->digits, number->exponent);
    const auto [end, failure] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
    if (failure != std::errc()) value = std::numeric_limits<double>::quiet_NaN();
  }
  if (value >= minimum && value <= maximum) return value;
  const bool has_minimum = minimum > std::numeric_limits<double>::lowest();
  const bool has_maximum = maximum < std::numeric_limits<double>::max();
  std::string range;
  if (has_minimum && has_maximum) {
    range = fmt::format(" from {} to {}", minimum, maximum);
  } else if (has_minimum) {
    range = fmt::format(" of at least {}", minimum);
  } else if (has_maximum) {
    range = fmt::format(" of at most {}", maximum);
  }
  throw Error(ExitCode::usage,
              fmt::format("expected a finite number{}, found {}{}", range, shown(text),
                          number && std::isnan(value) ? " (too large or too small for a double)" : ""),
              place, number ? "" : "write for example 0.001, 1e-3 or 2k");
}

}  // namespace pathline
