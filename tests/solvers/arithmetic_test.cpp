// The CPU kernels against the ATen versions (the slow, obvious ones), at sizes around vector widths, blocks and thread
// grains.

#include "solvers/arithmetic.h"

#include <limits>

#include <gtest/gtest.h>

#include "solvers/vector_pool.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

struct Case {
  std::int64_t samples, size;
};
const std::vector<Case> cases = {{1, 1}, {1, 7}, {3, 5}, {2, 256}, {5, 257}, {4096, 1}, {3, 100'003}, {300, 1000}};
const std::vector<at::ScalarType> dtypes = {at::kFloat, at::kDouble};

std::vector<at::Tensor> random_tensors(std::size_t count, const Case& shape, at::ScalarType dtype) {
  at::manual_seed(7);
  std::vector<at::Tensor> tensors;
  for (std::size_t i = 0; i < count; ++i) tensors.push_back(at::randn({shape.samples, shape.size}, dtype));
  return tensors;
}

std::vector<const at::Tensor*> pointers(const std::vector<at::Tensor>& tensors) {
  std::vector<const at::Tensor*> result;
  for (const at::Tensor& tensor : tensors) result.push_back(&tensor);
  return result;
}

double tolerance(at::ScalarType dtype) {
  return dtype == at::kFloat ? 2e-5 : 1e-13;
}

TEST(LinearCombination, AgreesWithAtenForAnyNumberOfTerms) {
  const std::vector<double> coefficients = {1, -0.5, 0.25, 3, 1e-3, 0.7, -2, 0.1, 5, -0.3, 0.9};
  for (const at::ScalarType dtype : dtypes) {
    for (const Case& shape : cases) {
      const std::vector<at::Tensor> terms = random_tensors(coefficients.size(), shape, dtype);
      for (std::uint32_t count = 0; count <= coefficients.size(); ++count) {
        at::Tensor fast = at::full({shape.samples, shape.size}, NAN, dtype), slow = fast.clone();

        const std::optional<bool> finite = linear_combination(fast, count, coefficients.data(), pointers(terms).data());
        aten::linear_combination(slow, count, coefficients.data(), pointers(terms).data());

        EXPECT_TRUE(at::allclose(fast, slow, tolerance(dtype), tolerance(dtype)))
            << count << " terms of " << shape.size;
        EXPECT_EQ(finite, std::optional<bool>(true));
      }
    }
  }
}

TEST(LinearCombination, TheOutputMayBeAnyTermOrSeveral) {
  const std::vector<double> coefficients = {1, -0.5, 0.25, 3};
  for (const at::ScalarType dtype : dtypes) {
    for (std::size_t alias = 0; alias < 4; ++alias) {
      for (const bool twice : {false, true}) {
        std::vector<at::Tensor> terms = random_tensors(4, {3, 1001}, dtype);
        if (twice) terms[(alias + 1) % 4] = terms[alias];
        at::Tensor expected = at::zeros_like(terms[0]);
        for (std::size_t i = 0; i < 4; ++i) expected += coefficients[i] * terms[i];
        std::vector<at::Tensor> copies;
        for (const at::Tensor& term : terms) copies.push_back(term.clone());
        if (twice) copies[(alias + 1) % 4] = copies[alias];

        linear_combination(terms[alias], 4, coefficients.data(), pointers(terms).data());
        aten::linear_combination(copies[alias], 4, coefficients.data(), pointers(copies).data());

        EXPECT_TRUE(at::allclose(terms[alias], expected, tolerance(dtype), tolerance(dtype)));
        EXPECT_TRUE(at::allclose(copies[alias], expected, tolerance(dtype), tolerance(dtype)));
      }
    }
  }
}

TEST(LinearCombination, ATermWithCoefficientZeroIsNotRead) {
  at::Tensor out = at::full({2, 3}, NAN), poison = at::full({2, 3}, NAN), y = at::ones({2, 3});
  const at::Tensor* const terms[] = {&y, &poison};
  const double coefficients[] = {2, 0};

  const std::optional<bool> finite = linear_combination(out, 2, coefficients, terms);

  EXPECT_TRUE(at::equal(out, at::full({2, 3}, 2.0f)));
  EXPECT_EQ(finite, std::optional<bool>(true));
}

TEST(LinearCombination, ReportsEachNonFiniteElement) {
  for (const at::ScalarType dtype : dtypes) {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity()}) {
      for (const std::int64_t at : {0, 3, 500, 1000}) {
        for (const std::uint32_t count : {2u, 12u}) {
          std::vector<at::Tensor> terms = random_tensors(count, {1, 1001}, dtype);
          terms[1][0][at] = bad;
          const std::vector<double> coefficients(count, 1.0);
          at::Tensor out = at::empty_like(terms[0]);

          EXPECT_EQ(linear_combination(out, count, coefficients.data(), pointers(terms).data()),
                    std::optional<bool>(false));
          EXPECT_FALSE(is_finite(terms[1]));
          EXPECT_TRUE(is_finite(terms[0]));
        }
      }
    }
  }
}

TEST(ScaledNorm, AgreesWithAtenForBothNorms) {
  for (const at::ScalarType dtype : dtypes) {
    for (const Case& shape : cases) {
      for (const bool over_batch : {false, true}) {
        const std::vector<at::Tensor> t = random_tensors(3, shape, dtype);

        const double fast = scaled_norm(t[0], t[1], t[2], 1e-2, 1e-3, over_batch);
        const double slow = aten::scaled_norm(t[0], t[1], t[2], 1e-2, 1e-3, over_batch);

        EXPECT_NEAR(fast / slow, 1, tolerance(dtype)) << shape.samples << " x " << shape.size;
      }
    }
  }
}

TEST(ScaledNorm, ByHand) {
  const at::Tensor error = at::tensor({3., 4., 0., 0.}).reshape({2, 2}), y0 = at::zeros({2, 2}, at::kDouble);
  const at::Tensor y1 = at::full({2, 2}, -2., at::kDouble);

  // Scale 0.5 + 0.25 * 2 = 1: the first sample's RMS is sqrt(25 / 2), that of everything sqrt(25 / 4).
  EXPECT_DOUBLE_EQ(scaled_norm(error.to(at::kDouble), y0, y1, 0.25, 0.5, false), std::sqrt(12.5));
  EXPECT_DOUBLE_EQ(scaled_norm(error.to(at::kDouble), y0, y1, 0.25, 0.5, true), 2.5);
}

TEST(ScaledNorm, NanIsNanAndAZeroScaleIsNoTrouble) {
  const at::Tensor zero = at::zeros({2, 9}), one = at::ones({2, 9});
  at::Tensor bad = at::zeros({2, 9});
  bad[1][8] = NAN;

  EXPECT_TRUE(std::isnan(scaled_norm(bad, one, one, 1, 1, false)));
  EXPECT_TRUE(std::isnan(scaled_norm(bad, one, one, 1, 1, true)));
  EXPECT_EQ(scaled_norm(zero, zero, zero, 1e-3, 0, false), 0);
  EXPECT_FALSE(scaled_norm(one, zero, zero, 1e-3, 0, false) <= 1);
}

TEST(VectorPool, ReleasedVectorsAreHandedOutAgain) {
  const at::Tensor y = at::ones({2, 3});
  VectorPool pool(y);
  pathline_vector* const first = pool.clone();
  const void* const memory = first->tensor.data_ptr();

  EXPECT_TRUE(pool.release(first));
  pathline_vector* const second = pool.clone();

  EXPECT_EQ(second->tensor.data_ptr(), memory);
  EXPECT_EQ(pool.allocated(), 1u);
  EXPECT_EQ(pool.outstanding(), 1u);
  EXPECT_FALSE(pool.release(pool.state()));
  EXPECT_TRUE(pool.release(second));
  EXPECT_FALSE(pool.release(second));
}

}  // namespace
}  // namespace pathline::solvers::test
