#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/cpu_count.h"
#include "core/error.h"
#include "core/stop_signal.h"
#include "data/convert/convert.h"
#include "data/shards/dataset_check.h"
#include "data/sources/cifar_source.h"
#include "data/sources/conditioned_source.h"
#include "data/sources/hdf5_source.h"
#include "data/sources/idx_source.h"
#include "data/sources/npy_source.h"
#include "data/sources/picture_source.h"
#include "data/sources/toy_source.h"
#include "tools/cmd_shards.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/progress.h"

namespace pathline::tools {

namespace {

constexpr std::int64_t most_samples = std::int64_t{1} << 40;
constexpr std::int64_t most_pixels = (std::int64_t{1} << 30) / 3;
constexpr std::size_t most_shown = 10;
constexpr const char* toy_prefix = "toy:";

std::vector<std::string> kinds() {
  std::vector<std::string> all = {"idx", "folder", "zip", "cifar10", "cifar100", "npy", "npz", "hdf5"};
  for (const std::string& density : data::ToySource::densities()) all.push_back(toy_prefix + density);
  return all;
}

void declare(Options& options) {
  options.value("from", "KIND",
                "what the input is: idx (MNIST and relatives), folder or zip (PNG and JPEG), cifar10, cifar100 (binary "
                "version), npy, npz, hdf5, or toy:moons, toy:8gaussians, toy:checkerboard, toy:spirals");
  options.value("input", "PATH", "the file or folder to convert (not for toy:…)");
  options.value("out", "DIR", "folder to make; it must not exist");
  options.value("name", "NAME", "name of the data set (default: that of the input)");
  options.value("split", "NAME", "which part: train or test; idx and cifar choose their files by it", "train");
  options.group("Pictures");
  options.value("size", "N or WxH", "resize to N x N, or W x H, pixels; needed where pictures differ in size");
  options.value("crop", "MODE", "with --size: center (largest centred part of the target's proportions) or none",
                "center");
  options.value("resize", "FILTER", "area (mean of the pixels covered) or lanczos (sharper, may overshoot)", "area");
  options.value("colour", "MODE", "rgb or grey (default: rgb for folder and zip, as it is for arrays)");
  options.value("background", "RRGGBB", "colour behind transparent pixels, hexadecimal", "ffffff");
  options.group("Arrays");
  options.value("dataset", "NAME",
                "array of an npz or path in an HDF5 file; * stands for any name (default: usual names)");
  options.value("labels-dataset", "NAME", "the same for labels");
  options.value("labels", "FILE", "file that holds the labels: a .npy, or another HDF5 file");
  options.repeated(
      "condition", "NAME=WHERE",
      "what samples may be conditioned on: an array with a value for each; WHERE is a .npy file, an array of "
      "the npz, or a path in the HDF5 file. Integers [N] are a label, other rows a vector, the rest a tensor");
  options.value("layout", "ORDER", "nhwc (channels last) or nchw (channels first)");
  options.value("range", "LO,HI", "floats are pictures, LO black and HI white; without it they stay float32");
  options.group("Toy densities");
  options.value("count", "N", "rows to draw", "100k");
  options.value("seed", "N", "seed of the draws", "0");
  options.group("Result");
  options.value("limit", "N", "only the first N samples of the input");
  options.flag("dedupe", "leave out samples whose values equal those of an earlier one");
  options.value("on-error", "MODE", "a sample that cannot be used: fail, or skip (lists it in DIR/skipped.txt)",
                "fail");
  options.value("shard-images", "N", "samples in one shard file");
  options.value("shard-mib", "N", "MiB of samples in one shard file", "256");
  options.value("threads", "N", "threads that decode (default: one per usable core, at most OMP_NUM_THREADS)");
  options.flag("fresh", "start over where an earlier conversion to DIR was left unfinished");
  options.paths({"input", "out", "labels"});
  options.epilogue(
      "A conversion that was stopped or killed goes on from its last whole shard when the same command runs again.\n\n"
      "Examples:\n"
      "  pathline shards create --from idx --input /usr/share/datasets/fashion-mnist --out fashion-train\n"
      "  pathline shards create --from folder --input photos --size 64 --on-error skip --dedupe --out photos-64\n"
      "  pathline shards create --from hdf5 --input sim.h5 --dataset /fields --layout nchw --out fields\n"
      "  pathline shards create --from npy --input maps.npy --condition params=params.npy --out maps\n"
      "  pathline shards create --from toy:moons --count 50k --out moons\n"
      "All of them: docs/data.md");
}

bool is_toy(const std::string& kind) {
  return kind.rfind(toy_prefix, 0) == 0;
}

/// Options that would be silently ignored are mistakes.
void refuse_unused(const Options& options, const std::string& kind) {
  const bool pictures = kind == "folder" || kind == "zip", arrays = kind == "npy" || kind == "npz" || kind == "hdf5";
  const auto only = [&](bool fits, const std::vector<std::string>& names, const std::string& whose) {
    for (const std::string& name : names) {
      if (!fits && options.has(name)) options.fail(name, "this option is for " + whose + ", not for --from " + kind);
    }
  };
  only(is_toy(kind), {"count", "seed"}, "toy densities");
  only(!is_toy(kind), {"input"}, "files");
  only(!is_toy(kind), {"size", "crop", "resize", "colour", "background"}, "pictures");
  only(arrays, {"labels", "layout", "range", "condition"}, "npy, npz and hdf5");
  only(kind == "npz" || kind == "hdf5", {"dataset", "labels-dataset"}, "npz and hdf5");
  only(pictures, {"background"}, "folder and zip");
  for (const char* name : {"crop", "resize"}) {
    if (options.has(name) && !options.has("size")) options.fail(name, "this needs --size");
  }
  if (options.has("shard-images") && options.has("shard-mib"))
    options.fail("shard-mib", "give either this or --shard-images");
}

data::Extent parse_size(const Options& options) {
  const std::string& text = options.text("size");
  const std::size_t cross = text.find('x');
  const auto side = [&](const std::string& part) {
    if (part.empty() || part.size() > 5 || part.find_first_not_of("0123456789") != std::string::npos)
      options.fail("size", "expected N or WxH, found " + shown(text), "for example --size 64 or --size 96x64");
    const std::int64_t value = std::stol(part);
    if (value < 1 || value > 65535) options.fail("size", fmt::format("expected 1 to 65535 pixels, found {}", part));
    return value;
  };
  const data::Extent size = cross == std::string::npos
                                ? data::Extent{side(text), side(text)}
                                : data::Extent{side(text.substr(0, cross)), side(text.substr(cross + 1))};
  if (size.width * size.height > most_pixels)
    options.fail("size", fmt::format("{} pixels; an image in a shard has at most 1 GiB", size.width * size.height));
  return size;
}

data::PictureOptions picture_options(const Options& options) {
  data::PictureOptions picture;
  if (options.has("size")) picture.size = parse_size(options);
  picture.crop_center = options.choice("crop", {"center", "none"}) == "center";
  picture.filter =
      options.choice("resize", {"area", "lanczos"}) == "area" ? data::ResizeFilter::area : data::ResizeFilter::lanczos;
  if (options.has("colour"))
    picture.colour = options.choice("colour", {"rgb", "grey"}) == "rgb" ? data::Colour::rgb : data::Colour::grey;
  const std::string& background = options.text("background");
  if (background.size() != 6 || background.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    options.fail("background", "expected six hexadecimal digits, found " + shown(background), "white is ffffff");
  for (std::size_t c = 0; c < 3; ++c)
    picture.background[c] = static_cast<std::uint8_t>(std::stoi(background.substr(2 * c, 2), nullptr, 16));
  return picture;
}

data::ArrayOptions array_options(const Options& options) {
  data::ArrayOptions array;
  array.picture = picture_options(options);
  if (options.has("layout"))
    array.layout = options.choice("layout", {"nhwc", "nchw"}) == "nhwc" ? data::Layout::nhwc : data::Layout::nchw;
  if (options.has("range")) {
    const auto ends = options.reals("range", -1e300, 1e300);
    if (ends.size() != 2 || !(ends[0] < ends[1]))
      options.fail("range", "expected two numbers, the lower one first", "for example --range 0,1");
    array.range = {ends[0], ends[1]};
  }
  return array;
}

std::unique_ptr<data::SampleSource> open_source(const Options& options, const std::string& kind) {
  const std::string& split = options.choice("split", {"train", "test"});
  const auto text = [&](const char* name) { return options.has(name) ? options.text(name) : std::string(); };
  if (is_toy(kind)) {
    return std::make_unique<data::ToySource>(kind.substr(std::string(toy_prefix).size()),
                                             static_cast<std::uint64_t>(options.integer("count", 1, most_samples)),
                                             static_cast<std::uint64_t>(options.integer("seed", 0, INT64_MAX)));
  }
  const std::filesystem::path input = options.text("input");
  if (kind == "folder") return data::make_folder_source(input, picture_options(options));
  if (kind == "zip") return data::make_zip_source(input, picture_options(options));
  const data::ArrayOptions array = array_options(options);
  if (kind == "idx") return std::make_unique<data::IdxSource>(data::find_idx_files(input, split), array, text("name"));
  if (kind == "cifar10" || kind == "cifar100")
    return std::make_unique<data::CifarSource>(input, kind == "cifar10" ? 10 : 100, split, array);
  if (kind == "hdf5") {
    return std::make_unique<data::Hdf5Source>(
        data::open_hdf5_array_in_child({input, text("dataset"), text("labels-dataset"), text("labels")}), array);
  }
  if ((input.extension() == ".npz") != (kind == "npz"))
    options.fail("input", "expected a ." + kind + " file, found " + shown(input.filename().string()));
  return std::make_unique<data::NpySource>(
      data::NpyInput{input, text("dataset"), text("labels-dataset"), text("labels")}, array);
}

/// The arrays that --condition names, in the order given.
std::vector<data::NamedArray> open_conditions(const Options& options, const std::string& kind) {
  std::vector<data::NamedArray> conditions;
  std::set<std::string> names;
  for (const std::string& text : options.all("condition")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals + 1 == text.size())
      options.fail("condition", "expected NAME=WHERE, found " + shown(text),
                   "for example --condition params=params.npy");
    const std::string name = text.substr(0, equals), where = text.substr(equals + 1);
    const std::string problem = data::condition_name_problem(name);
    if (!problem.empty()) options.fail("condition", problem);
    if (!names.insert(name).second) options.fail("condition", "two conditions have the name " + shown(name));
    std::unique_ptr<data::NumberArray> array;
    if (kind == "hdf5") {
      array = data::open_hdf5_array_in_child({options.text("input"), where, {}, {}});
    } else if (kind == "npz") {
      array = data::open_npz_array(options.text("input"), where, "--condition");
    } else {
      array = data::open_npy_array(where);
    }
    conditions.push_back({name, std::move(array)});
  }
  return conditions;
}

/// The settings that decide what comes out; threads and --on-error do not.
data::ConversionPlan plan_of(const Options& options, const std::string& kind) {
  data::ConversionPlan plan = {{"--from", kind}};
  if (options.has("input"))
    plan.emplace_back("--input", std::filesystem::absolute(options.text("input")).lexically_normal().string());
  for (const char* name : {"size", "crop", "resize", "colour", "background", "dataset", "labels-dataset", "labels",
                           "layout", "range", "count", "seed"}) {
    if (options.has(name)) plan.emplace_back(fmt::format("--{}", name), options.text(name));
  }
  for (const std::string& text : options.all("condition")) {
    const std::size_t equals = text.find('=');
    plan.emplace_back("--condition " + text.substr(0, equals), text.substr(equals + 1));
  }
  return plan;
}

std::string samples_word(const data::DatasetInfo& info, std::uint64_t count) {
  std::string noun = data::samples_noun(info.shape.kind());
  if (count == 1) noun.pop_back();
  return fmt::format("{} {}", count, noun);
}

std::string shape_text(const data::DatasetInfo& info) {
  return fmt::format("{}{}", fmt::join(info.shape.sizes(), "x"), info.dtype == "uint8" ? "" : " " + info.dtype);
}

void report(const data::ConvertSummary& summary, const std::string& out) {
  const data::DatasetInfo& info = summary.info;
  for (std::size_t i = 0; i < std::min(most_shown, summary.skipped_samples.size()); ++i)
    tell("skipped {}: {}\n", summary.skipped_samples[i].name, summary.skipped_samples[i].reason);
  if (summary.skipped_samples.size() > most_shown)
    tell("skipped {} more; all are listed in {}/skipped.txt\n", summary.skipped_samples.size() - most_shown, out);
  std::string conditions;
  for (const data::ConditionArray& condition : info.conditions)
    conditions += fmt::format("{}{}", conditions.empty() ? ", conditions " : ", ", plain_line(condition.field.name));
  print("{}: {} of {} in {} {}, {} classes{}\n", plain_line(out), samples_word(info, info.count), shape_text(info),
        info.shards.size(), info.shards.size() == 1 ? "shard" : "shards", info.class_names.size(), conditions);
  if (summary.written != summary.found) {
    print("{} found = {} written + {} skipped + {} duplicates + {} beyond --limit\n", summary.found, summary.written,
          summary.skipped, summary.duplicates, summary.beyond_limit);
  }
}

}  // namespace

int create_shards(const std::vector<std::string>& arguments) {
  Options options("pathline shards create", "--from KIND --input PATH --out DIR [options]",
                  "Converts a data set into a folder of image shards.");
  declare(options);
  if (!options.parse(arguments)) return 0;

  const std::string kind = options.choice("from", kinds());
  refuse_unused(options, kind);
  data::ConvertOptions how;
  how.out = options.text("out");
  how.split = options.choice("split", {"train", "test"});
  if (options.has("name")) how.name = options.text("name");
  if (options.has("limit")) how.limit = static_cast<std::uint64_t>(options.integer("limit", 1, most_samples));
  if (options.has("shard-images"))
    how.shard_samples = static_cast<std::uint64_t>(options.integer("shard-images", 1, most_samples));
  how.shard_bytes = static_cast<std::uint64_t>(options.integer("shard-mib", 1, 4096)) << 20;
  how.dedupe = options.has("dedupe");
  how.skip_bad = options.choice("on-error", {"fail", "skip"}) == "skip";
  how.start_over = options.has("fresh");
  how.threads = options.has("threads") ? static_cast<int>(options.integer("threads", 1, 256))
                                       : std::min(256, threads_per_process(usable_cpus()));

  std::unique_ptr<data::SampleSource> source = open_source(options, kind);
  if (options.has("condition"))
    source = std::make_unique<data::ConditionedSource>(std::move(source), open_conditions(options, kind));
  how.plan = plan_of(options, kind);
  if (!source->facts().remark.empty()) tell("{}\n", plain_line(source->facts().remark));
  const StopSignal signal;
  how.stop = [&] { return signal.requested(); };
  how.say = [](const std::string& text) { tell("{}\n", text); };
  data::ConvertSummary summary;
  {
    Progress progress("converting", false);
    const auto start = std::chrono::steady_clock::now();
    how.progress = [&](std::uint64_t done, std::uint64_t total, std::uint64_t since) {
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      progress.update(static_cast<double>(done) / static_cast<double>(total),
                      fmt::format("{} of {}, {:.0f} per second", done, total,
                                  seconds > 0 ? static_cast<double>(done - since) / seconds : 0.0));
    };
    summary = data::convert(*source, how);
  }
  if (summary.stopped) {
    tell("stopped by {}; {}\n", signal.name(),
         summary.kept_in.empty()
             ? "no shard was finished yet"
             : fmt::format("{} in finished shards are kept in {}: the same command goes on from there", summary.written,
                           summary.kept_in.string()));
    return static_cast<int>(ExitCode::stopped);
  }
  report(summary, how.out.string());
  return 0;
}

}  // namespace pathline::tools
