// Images per second of one forward + loss + backward pass of the UNet, the twin of bench/unet_step_torchcfm.py.
//
//   bench_unet_step [key=value …]
//     precision=bf16|fp32  batch=64  threads=1  repeats=10  classes=10  channels=32  mult=1,2,2  res_blocks=1
//     attention=14 head_channels=32  image=1,28,28
//
// Prints one line of JSON: settings, parameters, the fastest and median step in milliseconds of wall time, and the
// fastest in processor time (of all threads). With one thread the latter is the figure to compare on a shared machine;
// run it and its twin by turns.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "flow/autocast.h"
#include "flow/networks/network.h"
#include "flow/networks/unet/unet_settings.h"
#include "flow/objectives/loss.h"

namespace {

std::vector<std::int64_t> integers(const std::string& text) {
  std::vector<std::int64_t> values;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) values.push_back(std::stoll(item));
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options = {{"precision", "bf16"},   {"batch", "64"},     {"threads", "1"},
                                                {"repeats", "10"},       {"classes", "10"},   {"channels", "32"},
                                                {"mult", "1,2,2"},       {"res_blocks", "1"}, {"attention", "14"},
                                                {"head_channels", "32"}, {"image", "1,28,28"}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (equals == std::string::npos || !options.contains(argument.substr(0, equals))) {
      std::fprintf(stderr, "unknown option '%s'; expected key=value, see the head of bench/unet_step.cpp\n", argv[i]);
      return 2;
    }
    options[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const auto image = integers(options["image"]);
  pathline::flow::UNetSettings settings;
  settings.channels = std::stoll(options["channels"]);
  settings.channel_mult = integers(options["mult"]);
  settings.res_blocks = std::stoll(options["res_blocks"]);
  settings.attention = integers(options["attention"]);
  settings.head_channels = std::stoll(options["head_channels"]);
  const std::int64_t classes = std::stoll(options["classes"]);
  const auto batch = std::stoll(options["batch"]);
  const bool bfloat16 = options["precision"] == "bf16";
  at::set_num_threads(std::stoi(options["threads"]));

  const auto network = pathline::flow::make_network(
      pathline::flow::unet_settings(settings, pathline::SampleShape::picture(image.at(0), image.at(1), image.at(2)),
                                    pathline::flow::label_condition(classes)),
      1);
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : pathline::flow::named_state(*network)) parameters += tensor.numel();
  const at::Tensor x = at::randn({batch, image[0], image[1], image[2]}), target = at::randn_like(x),
                   t = at::rand({batch});
  const at::Tensor labels = classes > 0 ? at::randint(classes, {batch}, at::kLong) : at::Tensor();

  std::vector<double> milliseconds, cpu_milliseconds;
  double loss_value = 0;
  for (int repeat = 0; repeat < std::stoi(options["repeats"]) + 2; ++repeat) {
    const std::clock_t cpu_start = std::clock();
    const auto start = std::chrono::steady_clock::now();
    network->zero_grad();
    at::Tensor loss;
    {
      const pathline::flow::AutocastGuard autocast(at::kCPU, bfloat16);
      loss = pathline::flow::velocity_loss_mean(network->forward(x, t, pathline::flow::Condition(labels)), target);
    }
    loss.backward();
    loss_value = loss.item<double>();
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    if (repeat < 2) continue;  // the first two warm caches and thread pools
    milliseconds.push_back(elapsed.count());
    cpu_milliseconds.push_back(1000.0 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const double fastest_cpu = *std::min_element(cpu_milliseconds.begin(), cpu_milliseconds.end());
  const double fastest = milliseconds.front(), median = milliseconds[milliseconds.size() / 2];
  std::printf(
      "{\"program\": \"pathline\", \"precision\": \"%s\", \"batch\": %lld, \"threads\": %s, \"channels\": %s, "
      "\"mult\": \"%s\", \"res_blocks\": %s, "
      "\"attention\": \"%s\", \"classes\": %s, \"parameters\": %lld, \"fastest_ms\": %.1f, \"median_ms\": %.1f, "
      "\"fastest_cpu_ms\": %.1f, "
      "\"images_per_second\": %.1f, \"images_per_cpu_second\": %.1f, "
      "\"loss\": %.6f}\n",
      options["precision"].c_str(), batch, options["threads"].c_str(), options["channels"].c_str(),
      options["mult"].c_str(), options["res_blocks"].c_str(), options["attention"].c_str(), options["classes"].c_str(),
      static_cast<long long>(parameters), fastest, median, fastest_cpu, 1000.0 * static_cast<double>(batch) / fastest,
      1000.0 * static_cast<double>(batch) / fastest_cpu, loss_value);
  return 0;
}
