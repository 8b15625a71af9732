#pragma once
// Drawing samples: noise per sample id, a velocity model for the solver to integrate, fixed batches shared out over
// ranks.
//
// Sample i starts from noise that is a pure function of (seed, i) and is computed in the batch [kB, (k+1)B) that i
// falls into, whatever the number of ranks: whole batches are dealt out to ranks in turn, so that each is computed
// exactly as it would be alone. (A batch's last bits may still depend on the number of threads, which reorders sums
// inside convolutions.)
//
// Thread-safety: pure functions, but for the VelocityModel handed in, which is for one thread.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "data/pictures/image_shape.h"
#include "sampling/sample_file.h"
#include "sampling/velocity_model.h"
#include "solvers/solver_host.h"

namespace pathline::sampling {

/// Noise of the samples first … first+count-1: [count, C, H, W] on the CPU, N(0, 1). float32 is float64 rounded.
/// `epoch` 0 is what `sample` and `sweep` draw from; others give noise that never meets theirs, whatever the seeds.
at::Tensor generation_noise(std::uint64_t seed, std::int64_t first, std::int64_t count, const data::ImageShape& shape,
                            at::ScalarType dtype, std::uint64_t epoch = 0);

/// "all" or "": i % classes for sample i; "3": all 3; "0,4": in turn; "none": no label (needs a null class).
/// Error(usage) otherwise.
std::vector<std::int64_t> choose_labels(const std::string& text, std::int64_t count, std::int64_t classes,
                                        bool null_class);

/// Noise [count, C, H, W] of the samples first … first+count-1, on the CPU; asked batch by batch, so that no rank holds
/// more than its share.
using NoiseSource = std::function<at::Tensor(std::int64_t first, std::int64_t count)>;

struct DrawRequest {
  std::int64_t count = 0, batch = 64;
  NoiseSource noise;
  std::vector<std::int64_t> labels;  ///< one per sample, or empty
  std::uint64_t seed = 0;            ///< of the noise that a stochastic solver draws
  solvers::IntegrateOptions integrate;
  std::function<bool()> stop_requested;  ///< asked at every step; may be empty
};

/// What one batch did.
struct BatchReport {
  std::int64_t batch = 0, samples = 0;
  solvers::Status status = solvers::Status::done;
  std::string message;
  std::uint64_t evaluations = 0, accepted = 0, rejected = 0;
  double t_final = 0, seconds = 0, solver_seconds = 0;
};

struct DrawResult {
  at::Tensor raw;                    ///< [count, C, H, W] on the CPU, dtype of the model
  std::vector<BatchReport> batches;  ///< in order, on every rank

  bool done() const;                 ///< every batch ended as it should
  const BatchReport& worst() const;  ///< the first failed batch, or the first
  double evaluations() const;        ///< field evaluations per sample (mean over samples)
  double accepted() const;           ///< per trajectory (mean over samples)
  double rejected() const;
  double seconds() const;         ///< summed over batches, whichever rank did them
  double solver_seconds() const;  ///< the part not spent in the model
};

/// Samples first … first + samples − 1 of a request, integrated together.
struct DrawBatch {
  std::int64_t number = 0, first = 0, samples = 0;
};
std::vector<DrawBatch> batches_of(const DrawRequest& request);

/// Which batches one of several processes draws: they are dealt out in turn.
struct Share {
  int mine = 0, of = 1;
  int owner(const DrawBatch& batch) const { return static_cast<int>(batch.number % of); }
  bool has(const DrawBatch& batch) const { return owner(batch) == mine; }
};

struct DrawnShare {
  std::vector<DrawBatch> batches;  ///< in order; the next two go with them
  std::vector<BatchReport> reports;
  std::vector<at::Tensor> endpoints;  ///< [samples, C, H, W] on the CPU
};

/// Integrates the share's batches from t = 0 to 1. `progress` (may be empty) is told the finished fraction of them. A
/// solver that stops early is told in the reports; for non-finite values the message names the time and the samples.
/// When a batch is done but its endpoint is not finite, its status becomes non_finite. Throws Error(stopped) once
/// `stop_requested` has said so.
DrawnShare draw_share(VelocityModel& model, const solvers::Solver& solver, const DrawRequest& request,
                      const Share& share, const std::function<void(double)>& progress = {});

/// All of them, by this process alone. (tools/distributed_draw.h has the ranks of a job do it together.)
DrawResult draw_samples(VelocityModel& model, const solvers::Solver& solver, const DrawRequest& request,
                        const std::function<void(double)>& progress = {});

/// Throws Error(usage) for a solver whose formulas are those of another path than the model's; draw_share() does so,
/// too, but a command may want to know before it begins.
void require_path(const solvers::SolverInfo& solver, const VelocityModel& model);
/// The values of a contiguous tensor on the CPU, float32 or float64; borrowed.
SampleValues values_of(const at::Tensor& tensor);

/// The samples as bytes [N, H, W, C]: value = scale[c] x + mean[c], rounded and clamped once. Empty `mean` and `scale`:
/// 127.5.
std::vector<std::uint8_t> image_bytes(const at::Tensor& raw, const data::ImageShape& shape, std::vector<double> mean,
                                      std::vector<double> scale);

/// The Error for a solver that stopped early: which one, when, which samples. Exit code 5 (3 when the plugin broke the
/// rules).
[[noreturn]] void fail_draw(const solvers::SolverInfo& solver, const DrawResult& result);

}  // namespace pathline::sampling
