#include <algorithm>
#include <cmath>
#include <functional>
#include <list>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "data/hdf5/hdf5_composer.h"
#include "tools/sweep/output.h"

namespace pathline::tools {

namespace {

using data::Hdf5Composer;

/// Writes one model's group. The composer borrows what it is given until the file is written, so all of it is kept
/// here.
class ModelGroup {
 public:
  ModelGroup(Hdf5Composer& composer, const Sweep& sweep, std::size_t number)
      : composer_(composer),
        sweep_(sweep),
        model_(sweep.models[number]),
        cells_(sweep.cells_of(number)),
        path_(fmt::format("/model-{}", number)) {}

  void write() {
    composer_.group(path_);
    write_attributes();
    write_columns();
    const auto cells = static_cast<hsize_t>(cells_.size()), count = static_cast<hsize_t>(sweep_.count),
               shown = static_cast<hsize_t>(sweep_.shown);
    const std::vector<hsize_t> image = {static_cast<hsize_t>(model_.shape.channels),
                                        static_cast<hsize_t>(model_.shape.height),
                                        static_cast<hsize_t>(model_.shape.width)};
    dataset("sample_rms", H5T_IEEE_F64LE, {cells, count},
            keep(doubles_, gathered(
                               count, [](const CellOutcome& o) -> auto& { return o.sample_rms; })),
            "cell,sample");
    const std::vector<hsize_t> strip = {shown, image[0], image[1], image[2]};
    states("samples", {cells, shown, image[0], image[1], image[2]},
           gathered(
               shown * image[0] * image[1] * image[2], [](const CellOutcome& o) -> auto& { return o.strip; }),
           "cell,sample,channel,y,x");
    states("reference_samples", strip, model_.reference_strip, "sample,channel,y,x");
    states("noise", strip, model_.noise_strip, "sample,channel,y,x");
  }

 private:
  void write_attributes() {
    const auto text = [&](const char* name, const std::string& value) { composer_.attribute(path_, name, value); };
    text("model", model_.name);
    text("model_sha256", model_.sha256);
    text("weights", model_.weights);
    text("precision", model_.precision);
    text("dtype", model_.dtype);
    text("device", model_.device);
    text("guidance", model_.guidance);
    text("labels", model_.labels);
    text("reference", model_.reference);
    composer_.attribute(path_, "reference_uncertainty", model_.reference_uncertainty);
    composer_.attribute(path_, "batch", model_.batch);
    composer_.attribute(path_, "threads", static_cast<std::int64_t>(model_.threads));
    composer_.attribute(path_, "passes_per_evaluation", static_cast<std::int64_t>(model_.passes_per_evaluation));
  }

  void write_columns() {
    const double nan = std::nan("");
    column("solver", [](const SweepCell& c) { return c.solver; });
    column("version", [](const SweepCell& c) { return c.version; });
    column("plugin_sha256", [](const SweepCell& c) { return c.plugin_sha256; });
    column("params", [](const SweepCell& c) { return c.params; });
    column("grid", [](const SweepCell& c) { return c.grid; });
    column("status", [](const SweepCell& c) { return c.outcome.status; });
    column("steps", [](const SweepCell& c) { return static_cast<double>(c.steps); });
    column("rtol", [](const SweepCell& c) { return c.rtol; });
    column("atol", [](const SweepCell& c) { return c.atol; });
    column("evaluations", [](const SweepCell& c) { return c.outcome.evaluations; });
    column("network_passes", [this](const SweepCell& c) { return sweep_.network_passes(c); });
    column("accepted", [](const SweepCell& c) { return c.outcome.accepted; });
    column("rejected", [](const SweepCell& c) { return c.outcome.rejected; });
    column("t_final", [](const SweepCell& c) { return c.outcome.t_final; });
    column("rms_error", [nan](const SweepCell& c) { return c.done() ? c.outcome.rms_error : nan; });
    column("max_error", [nan](const SweepCell& c) { return c.done() ? c.outcome.max_error : nan; });
    column("seconds", [](const SweepCell& c) { return c.outcome.seconds; });
    column("solver_seconds", [](const SweepCell& c) { return c.outcome.solver_seconds; });
  }

  /// Strings all take the space of the longest: HDFView and h5py read those without help.
  void column(const char* name, const std::function<std::string(const SweepCell&)>& value) {
    std::size_t width = 1;
    for (const SweepCell* cell : cells_) width = std::max(width, value(*cell).size());
    std::vector<char> bytes(width * cells_.size(), '\0');
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const std::string text = value(*cells_[i]);
      std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
    types_.push_back(data::require_handle(H5Tcopy(H5T_C_S1), H5Tclose, "H5Tcopy"));
    data::require_hdf5(H5Tset_size(types_.back().get(), width) >= 0, "H5Tset_size");
    data::require_hdf5(H5Tset_strpad(types_.back().get(), H5T_STR_NULLPAD) >= 0, "H5Tset_strpad");
    data::require_hdf5(H5Tset_cset(types_.back().get(), H5T_CSET_UTF8) >= 0, "H5Tset_cset");
    dataset(name, types_.back().get(), {static_cast<hsize_t>(cells_.size())}, keep(texts_, std::move(bytes)), "cell");
  }

  void column(const char* name, const std::function<double(const SweepCell&)>& value) {
    std::vector<double> values;
    for (const SweepCell* cell : cells_) values.push_back(value(*cell));
    dataset(name, H5T_IEEE_F64LE, {static_cast<hsize_t>(cells_.size())}, keep(doubles_, std::move(values)), "cell");
  }

  /// `width` values of every cell, one after another; NaN for a cell that has none.
  template <typename Get>
  std::vector<double> gathered(hsize_t width, Get get) const {
    std::vector<double> all(cells_.size() * width, std::nan(""));
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const std::vector<double>& values = get(cells_[i]->outcome);
      std::copy_n(values.begin(), std::min<std::size_t>(values.size(), width),
                  all.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
    return all;
  }

  template <typename T>
  static const std::vector<T>& keep(std::list<std::vector<T>>& shelf, std::vector<T> values) {
    return shelf.emplace_back(std::move(values));
  }

  /// In the precision of the model's states.
  void states(const char* name, const std::vector<hsize_t>& dims, const std::vector<double>& values, const char* axes) {
    if (model_.dtype == "float64") {
      dataset(name, H5T_IEEE_F64LE, dims, keep(doubles_, values), axes);
    } else {
      dataset(name, H5T_IEEE_F32LE, dims, keep(floats_, std::vector<float>(values.begin(), values.end())), axes);
    }
  }

  template <typename T>
  void dataset(const char* name, hid_t type, const std::vector<hsize_t>& dims, const std::vector<T>& values,
               const char* axes) {
    const std::string path = path_ + "/" + name;
    composer_.dataset(path, type, dims, values.data());
    composer_.attribute(path, "axes", axes);
  }

  Hdf5Composer& composer_;
  const Sweep& sweep_;
  const SweepModel& model_;
  std::vector<const SweepCell*> cells_;
  std::string path_;
  std::list<std::vector<double>> doubles_;
  std::list<std::vector<float>> floats_;
  std::list<std::vector<char>> texts_;
  std::list<data::Hdf5Handle> types_;
};

}  // namespace

void write_sweep_hdf5(const std::filesystem::path& target, const Sweep& sweep) {
  const data::Hdf5Scope scope;
  DurableFile out(target);
  Hdf5Composer composer;
  composer.attribute("/", "format", "pathline-sweep");
  composer.attribute("/", "format_version", std::int64_t{1});
  composer.attribute("/", "created", sweep.created);
  composer.attribute("/", "command", sweep.command);
  composer.attribute("/", "versions", sweep.versions);
  composer.attribute("/", "models", static_cast<std::int64_t>(sweep.models.size()));
  composer.attribute("/", "count", sweep.count);
  if (sweep.uses_seed()) composer.attribute("/", "seed", static_cast<std::int64_t>(sweep.seed));
  if (!sweep.initial.empty()) composer.attribute("/", "initial", sweep.initial);
  std::list<ModelGroup> groups;
  for (std::size_t i = 0; i < sweep.models.size(); ++i) groups.emplace_back(composer, sweep, i).write();
  composer.write(out);
  out.commit();
}

}  // namespace pathline::tools
