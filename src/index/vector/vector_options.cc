/// The options of a vector index, parsed, and the vectors that it can hold.
#include "vector_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sagitta::index {
namespace {

/// The option as a number, or `otherwise` when it is missing or no number.
template <class T>
T number_option(const schema::IndexDef& def, const std::string& name, T otherwise) {
  const auto found = def.options.find(name);
  if (found == def.options.end()) return otherwise;
  T value{};
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? value : otherwise;
}

}  // namespace

VectorOptions parse_vector_options(const schema::IndexDef& def, const schema::ColumnDef& column) {
  const auto text = [&](const char* name) {
    const auto found = def.options.find(name);
    return found == def.options.end() ? std::string_view() : std::string_view(found->second);
  };
  VectorOptions options;
  options.similarity = ann::parse_metric(text("similarity_function")).value_or(options.similarity);
  options.profile = ann::parse_profile(text("profile")).value_or(options.profile);
  options.dim = column.type->dim();
  options.maximum_node_connections = number_option(def, "maximum_node_connections", options.maximum_node_connections);
  options.construction_beam_width = number_option(def, "construction_beam_width", options.construction_beam_width);
  options.search_beam_width = number_option(def, "search_beam_width", options.search_beam_width);
  options.oversampling = number_option(def, "oversampling", options.oversampling);
  options.rescoring = text("rescoring") == "true";
  return options;
}

std::string refuse_vector(ann::Metric similarity, std::span<const float> vector) {
  for (size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return fmt::format("element {} is {}", i, std::isnan(vector[i]) ? "NaN" : "infinite");
    }
  }
  if (similarity != ann::Metric::kCosine || std::ranges::any_of(vector, [](float v) { return v != 0; })) return {};
  return fmt::format("all elements from 0 to {} are zero, which cosine similarity does not support", vector.size() - 1);
}

float score_of(ann::Metric similarity, float distance) {
  const float score = ann::similarity(similarity, distance);
  return similarity == ann::Metric::kCosine ? std::clamp(score, 0.0F, 1.0F) : score;
}

}  // namespace sagitta::index
