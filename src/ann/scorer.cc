#include "scorer.h"

#include <algorithm>
#include <cmath>

namespace sagitta::ann {

void store_form(Metric metric, std::span<const float> vector, std::span<float> out) {
  if (metric != Metric::kCosine) {
    std::ranges::copy(vector, out.begin());
    return;
  }
  // In double, so that neither huge nor denormal components lose their direction.
  double squares = 0;
  for (float v : vector) squares += double{v} * double{v};
  const double scale = 1.0 / std::sqrt(squares);
  std::ranges::transform(vector, out.begin(), [scale](float v) { return static_cast<float>(double{v} * scale); });
}

}  // namespace sagitta::ann
