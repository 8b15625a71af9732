// A classifier trained data-parallel with pathline's gradient engine: the program of docs/data-parallel.md. One process
// and any number of ranks end with the same weights, to the last bit.
//   ./classifier            or            mpirun -n 2 ./classifier

#include <cstdio>

#include <pathline/parallel.h>
#include <torch/torch.h>

namespace parallel = pathline::parallel;

constexpr std::int64_t kMicroBatch = 32;
constexpr std::uint64_t kMicroBatches = 4;  // a step sees 128 points, whoever computes them

/// Points on three arms of a spiral, and the arm of each. The same for the same number, on every rank.
std::pair<torch::Tensor, torch::Tensor> points(std::uint64_t number) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(number);
  const auto arm = torch::randint(3, {kMicroBatch}, generator, torch::kLong);
  const auto radius = torch::rand({kMicroBatch}, generator);
  const auto angle = 4 * radius + arm * 2.0944 + 0.1 * torch::randn({kMicroBatch}, generator);
  return {torch::stack({radius * angle.cos(), radius * angle.sin()}, 1), arm};
}

int main(int argc, char** argv) {
  try {
    parallel::Session session(&argc, &argv);
    const auto communicator = session.communicator();
    torch::set_num_threads(1);  // how threads split a sum shows in its last bits
    torch::manual_seed(1);

    torch::nn::Sequential net(torch::nn::Linear(2, 64), torch::nn::Tanh(), torch::nn::Linear(64, 64), torch::nn::Tanh(),
                              torch::nn::Linear(64, 3));
    torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.5).momentum(0.9));
    parallel::DataParallelOptions options;
    options.micro_batches = kMicroBatches;
    options.engine.reduction = "reproducible";
    parallel::DataParallel data_parallel(*net, *communicator, options);

    double loss_sum[1] = {0};
    for (std::uint64_t step = 0; step < 200; ++step) {
      loss_sum[0] = 0;
      for (const std::uint64_t micro : data_parallel.micro_batches()) {
        const auto [x, arm] = points(step * kMicroBatches + micro);
        const torch::Tensor loss = torch::nn::functional::cross_entropy(net->forward(x), arm);
        loss_sum[0] += loss.item<double>();
        data_parallel.backward(loss);
      }
      data_parallel.finish();
      optimizer.step();
      data_parallel.zero_grad();
    }
    communicator->all_reduce_sum(std::span<double>(loss_sum));

    double weights = 0;
    for (const torch::Tensor& parameter : net->parameters())
      weights += parameter.abs().sum(torch::kDouble).item<double>();
    if (communicator->rank() == 0) {
      std::printf("%d ranks: loss %.3f, sum of weights %a\n", communicator->size(), loss_sum[0] / kMicroBatches,
                  weights);
    }
    return 0;
  } catch (const pathline::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
