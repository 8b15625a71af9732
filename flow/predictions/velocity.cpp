// The network says the velocity itself. Nothing is divided by anything, on any path.

#include "flow/paths/path_point.h"
#include "flow/predictions/prediction.h"

namespace pathline::flow::predictions {
namespace {

class Velocity final : public Prediction {
 public:
  std::string text() const override { return "velocity"; }
  at::Tensor target(const PathPoint& point, const Path&) const override { return point.velocity; }
  at::Tensor to_velocity(const at::Tensor& output, const at::Tensor&, const at::Tensor&, const Path&) const override {
    return output;
  }
};

}  // namespace

MethodEntry<Prediction> velocity() {
  return {"velocity", "", "the velocity dx_t/dt itself",
          [](const MethodArguments& arguments) -> std::shared_ptr<const Prediction> {
            arguments.expect_none();
            return std::make_shared<Velocity>();
          }};
}

}  // namespace pathline::flow::predictions
