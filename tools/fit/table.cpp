#include "tools/fit/table.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"

namespace pathline::tools {

namespace {

constexpr double largest_number = 1e6;
constexpr int most_steps = 256;

/// Builds a table evaluation by evaluation. A state is its coefficients: of x_0 and of the velocities so far.
class TableBuilder {
 public:
  using State = std::vector<double>;  // coefficient of x_0, then of u_0, u_1, …

  explicit TableBuilder(double gap) : gap_(gap) {}
  static State start() { return {1}; }

  /// Evaluates the field at `state` and time t; returns the velocity's number.
  std::size_t evaluate(const State& state, double t) {
    if (!table_.t.empty()) {
      t = std::max(t, table_.t.back() + gap_);
      add_row(state);
    }
    table_.t.push_back(t);
    return table_.t.size() - 1;
  }

  /// state + h * velocity number u.
  static State plus(State state, double h, std::size_t u) {
    if (state.size() < u + 2) state.resize(u + 2, 0.0);
    state[u + 1] += h;
    return state;
  }

  SolverTable end(const State& state) {
    add_row(state);
    table_.t.push_back(1.0);
    return std::move(table_);
  }

 private:
  void add_row(const State& state) {
    table_.a.push_back(state[0]);
    table_.b.emplace_back(state.begin() + 1, state.end());
    table_.b.back().resize(table_.t.size(), 0.0);
  }

  double gap_;
  SolverTable table_;
};

SolverTable adams_bashforth(const std::vector<double>& times, double gap, bool midpoint_first) {
  TableBuilder table(gap);
  auto x = TableBuilder::start();
  std::size_t previous = 0;
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    const double h = times[i + 1] - times[i];
    const std::size_t u = table.evaluate(x, times[i]);
    if (i == 0) {
      const std::size_t slope = midpoint_first ? table.evaluate(TableBuilder::plus(x, h / 2, u), times[i] + h / 2) : u;
      x = TableBuilder::plus(x, h, slope);
    } else {
      const double ratio = h / (times[i] - times[i - 1]);
      x = TableBuilder::plus(TableBuilder::plus(x, h * (1 + ratio / 2), u), -h * ratio / 2, previous);
    }
    previous = u;
  }
  return table.end(x);
}

}  // namespace

SolverTable euler_table(const std::vector<double>& times, double gap) {
  TableBuilder table(gap);
  auto x = TableBuilder::start();
  for (std::size_t i = 0; i + 1 < times.size(); ++i)
    x = TableBuilder::plus(x, times[i + 1] - times[i], table.evaluate(x, times[i]));
  return table.end(x);
}

SolverTable ab2_table(const std::vector<double>& times, double gap) {
  return adams_bashforth(times, gap, true);
}

SolverTable ab2_from_euler_table(const std::vector<double>& times, double gap) {
  return adams_bashforth(times, gap, false);
}

SolverTable midpoint_table(const std::vector<double>& times, double gap) {
  TableBuilder table(gap);
  auto x = TableBuilder::start();
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    const double h = times[i + 1] - times[i];
    const auto middle = TableBuilder::plus(x, h / 2, table.evaluate(x, times[i]));
    x = TableBuilder::plus(x, h, table.evaluate(middle, times[i] + h / 2));
  }
  return table.end(x);
}

SolverTable heun_table(const std::vector<double>& times, double gap) {
  TableBuilder table(gap);
  auto x = TableBuilder::start();
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    const double h = times[i + 1] - times[i];
    const std::size_t u = table.evaluate(x, times[i]);
    const double end = std::min(times[i + 1], 1 - gap);
    const std::size_t w = table.evaluate(TableBuilder::plus(x, h, u), end);
    x = TableBuilder::plus(TableBuilder::plus(x, h / 2, u), h / 2, w);
  }
  return table.end(x);
}

SolverTable with_idle_evaluation(const SolverTable& table) {
  std::size_t k = 0;
  for (std::size_t i = 1; i + 1 < table.t.size(); ++i) {
    if (table.t[i + 1] - table.t[i] > table.t[k + 1] - table.t[k]) k = i;
  }
  const double h = (table.t[k + 1] - table.t[k]) / 2;
  SolverTable grown = table;
  const auto at = static_cast<std::ptrdiff_t>(k);
  grown.t.insert(grown.t.begin() + at + 1, table.t[k] + h);
  // The new state is an Euler step from x_k; rows from k on make the later states, with weight 0 for the new velocity.
  for (std::size_t i = k; i < grown.b.size(); ++i) {
    if (i > k) grown.b[i].insert(grown.b[i].begin() + at + 1, 0.0);
  }
  std::vector<double> step = k > 0 ? table.b[k - 1] : std::vector<double>();
  step.push_back(h);
  grown.a.insert(grown.a.begin() + at, k > 0 ? table.a[k - 1] : 1.0);
  grown.b.insert(grown.b.begin() + at, std::move(step));
  // The row that led from x_k to x_{k+1} now stands after it.
  grown.b[k + 1] = table.b[k];
  grown.b[k + 1].push_back(0.0);
  return grown;
}

bool is_valid(const SolverTable& table) {
  const auto sound = [](double value) { return std::isfinite(value) && std::abs(value) <= largest_number; };
  for (std::size_t i = 0; i + 1 < table.t.size(); ++i) {
    if (!(table.t[i + 1] - table.t[i] >= smallest_gap / 2)) return false;
  }
  return table.t.front() == 0 && table.t.back() == 1 && std::all_of(table.a.begin(), table.a.end(), sound) &&
         std::all_of(table.b.begin(), table.b.end(),
                     [&](const auto& row) { return std::all_of(row.begin(), row.end(), sound); });
}

std::string to_text(const SolverTable& table, const std::vector<std::string>& comments) {
  std::string out = "pathline-table 1\n";
  for (const std::string& comment : comments) out += "# " + comment + "\n";
  out += fmt::format("kind non-stationary\nsteps {}\nt", table.evaluations());
  for (const double t : table.t) out += fmt::format(" {:.17g}", t);
  out += '\n';
  for (std::size_t i = 0; i < table.evaluations(); ++i) {
    out += fmt::format("step {:.17g}", table.a[i]);
    for (const double b : table.b[i]) out += fmt::format(" {:.17g}", b);
    out += '\n';
  }
  return out + "end\n";
}

SolverTable parse_table(std::string_view text, const std::string& place) {
  std::istringstream stream{std::string(text)};
  int number = 0;
  std::string line;
  const auto where = [&] { return fmt::format("{}:{}", place, number); };
  // The words of the next line that says something; its keyword and number of values must be these.
  const auto next = [&](const std::string& keyword, std::size_t values) {
    while (std::getline(stream, line)) {
      ++number;
      std::istringstream in(line);
      std::vector<std::string> words;
      for (std::string word; in >> word;) words.push_back(word);
      if (words.empty() || words[0][0] == '#') continue;
      if (words[0] != keyword || words.size() != values + 1) {
        throw Error(ExitCode::bad_input,
                    fmt::format("expected '{}' and {} values, found {}", keyword, values, shown(line)), where());
      }
      words.erase(words.begin());
      return words;
    }
    throw Error(ExitCode::bad_input, fmt::format("the file ends where '{}' is expected", keyword), where());
  };
  const auto numbers = [&](const std::string& keyword, std::size_t values) {
    std::vector<double> found;
    for (const std::string& word : next(keyword, values)) {
      try {
        found.push_back(parse_real(word, -largest_number, largest_number, where()));
      } catch (const Error& error) {  // a mistake in the file, not on the command line
        throw Error(ExitCode::bad_input, error.message(), error.place());
      }
    }
    return found;
  };

  if (next("pathline-table", 1)[0] != "1")
    throw Error(ExitCode::bad_input, "expected a solver table of version 1", where());
  if (next("kind", 1)[0] != "non-stationary") throw Error(ExitCode::bad_input, "expected kind non-stationary", where());
  const double count = numbers("steps", 1)[0];
  if (count != std::floor(count) || count < 1 || count > most_steps)
    throw Error(ExitCode::bad_input, fmt::format("expected 1 to {} steps, found {}", most_steps, count), where());
  const auto steps = static_cast<std::size_t>(count);
  SolverTable table;
  table.t = numbers("t", steps + 1);
  for (std::size_t i = 0; i < steps; ++i) {
    const std::vector<double> row = numbers("step", i + 2);
    table.a.push_back(row[0]);
    table.b.emplace_back(row.begin() + 1, row.end());
  }
  next("end", 0);
  return table;
}

}  // namespace pathline::tools
