#include "tools/distributed_draw.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "trainer/parallel/agreement.h"

namespace pathline::tools {
namespace {

std::string serialize(const std::vector<sampling::BatchReport>& reports) {
  nlohmann::json list = nlohmann::json::array();
  for (const sampling::BatchReport& r : reports) {
    list.push_back({r.batch, r.samples, static_cast<int>(r.status), r.message, r.evaluations, r.accepted, r.rejected,
                    r.t_final, r.seconds, r.solver_seconds});
  }
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void deserialize(const std::string& text, std::vector<sampling::BatchReport>& reports) {
  const auto number = [](const nlohmann::json& value) {
    return value.is_number() ? value.get<double>() : std::nan("");
  };
  for (const auto& item : nlohmann::json::parse(text)) {
    reports.push_back({item[0], item[1], static_cast<solvers::Status>(item[2].get<int>()), item[3], item[4], item[5],
                       item[6], number(item[7]), number(item[8]), number(item[9])});
  }
}

}  // namespace

sampling::DrawResult draw_samples(sampling::VelocityModel& model, const solvers::Solver& solver,
                                  const sampling::DrawRequest& request, parallel::Communicator& communicator,
                                  const std::function<void(double)>& progress) {
  const sampling::Share share{communicator.rank(), communicator.size()};
  sampling::DrawnShare drawn;
  parallel::together(communicator, [&] { drawn = draw_share(model, solver, request, share, progress); });

  sampling::DrawResult result;
  for (const std::string& text : communicator.all_gather(serialize(drawn.reports))) deserialize(text, result.batches);
  std::sort(result.batches.begin(), result.batches.end(),
            [](const auto& a, const auto& b) { return a.batch < b.batch; });

  // Point to point, batch by batch, because a gather of everything would hold the samples twice.
  const bool root = share.mine == 0;
  if (root) {
    const data::ImageShape& shape = model.shape();
    result.raw = at::empty({request.count, shape.channels, shape.height, shape.width}, at::dtype(model.dtype()));
  }
  std::size_t next = 0;  // of this rank's endpoints
  for (const sampling::DrawBatch& batch : batches_of(request)) {
    if (root) {
      at::Tensor target = result.raw.narrow(0, batch.first, batch.samples);
      if (share.has(batch)) {
        target.copy_(drawn.endpoints.at(next));
      } else {
        communicator.receive(target.data_ptr(), target.nbytes(), share.owner(batch));
      }
    } else if (share.has(batch)) {
      communicator.send(drawn.endpoints.at(next).data_ptr(), drawn.endpoints.at(next).nbytes(), 0);
    }
    if (share.has(batch)) drawn.endpoints.at(next++).reset();
  }
  return result;
}

}  // namespace pathline::tools
