/// How similar two vectors are.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sagitta/ann/metric.h"
#include "sagitta/types/value.h"

#include "functions.h"

namespace sagitta::plan {
namespace {

using types::Kind;
using Arguments = std::span<const Value>;

struct VectorPair {
  std::vector<float> a, b;
};

bool is_zero(const std::vector<float>& vector) {
  return std::ranges::all_of(vector, [](float element) { return element == 0; });
}

bool has_nan(const std::vector<float>& vector) {
  return std::ranges::any_of(vector, [](float element) { return std::isnan(element); });
}

VectorPair read_pair(const Expression& self, Arguments arguments) {
  const uint32_t dim = self.arguments[0].type->dim();
  VectorPair pair{std::vector<float>(dim), std::vector<float>(dim)};
  types::to_floats(*arguments[0], pair.a);
  types::to_floats(*arguments[1], pair.b);
  return pair;
}

/// By the index's own arithmetic, so that what is selected is what is ordered by.
template <ann::Metric metric>
Result<Value> call_similarity(const Expression& self, Arguments arguments, const EvalContext&) {
  const VectorPair pair = read_pair(self, arguments);
  if (metric == ann::Metric::kCosine && (is_zero(pair.a) || is_zero(pair.b))) {
    return fail(ErrorCode::kInvalid, "Function system.similarity_cosine doesn't support all-zero vectors.");
  }
  // Only an index refuses what is not a number.
  if (has_nan(pair.a) || has_nan(pair.b)) return types::from_float(std::numeric_limits<float>::quiet_NaN());
  return types::from_float(ann::similarity(metric, pair.a, pair.b));
}

}  // namespace

const Function* similarity_function(std::string_view name) {
  static const std::array functions = {
      special("similarity_cosine", Kind::kFloat, call_similarity<ann::Metric::kCosine>),
      special("similarity_euclidean", Kind::kFloat, call_similarity<ann::Metric::kL2>),
      special("similarity_dot_product", Kind::kFloat, call_similarity<ann::Metric::kDot>)};
  for (const Function& function : functions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace sagitta::plan
