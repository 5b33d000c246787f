/// The options of CREATE INDEX for a vector index, read one by one.
#include "option_checker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

namespace sagitta::index {
namespace {

constexpr std::string_view kSimilarity = "similarity_function";
constexpr std::string_view kQuantization = "quantization";
constexpr std::string_view kProfile = "profile";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Spelling {
  std::string_view written, meant;
};

constexpr std::array kOptionNames = std::to_array<Spelling>({
    {"similarity_function", kSimilarity},
    {"metric", kSimilarity},
    {"maximum_node_connections", "maximum_node_connections"},
    {"connections", "maximum_node_connections"},
    {"num_neighbors", "maximum_node_connections"},
    {"construction_beam_width", "construction_beam_width"},
    {"expansion_add", "construction_beam_width"},
    {"ef_construction", "construction_beam_width"},
    {"search_beam_width", "search_beam_width"},
    {"expansion_search", "search_beam_width"},
    {"ef_search", "search_beam_width"},
    {"profile", kProfile},
    {"quantization", kQuantization},
    {"oversampling", "oversampling"},
    {"rescoring", "rescoring"},
    {"source_model", "source_model"},
    {"max_elements", "max_elements"},
    {"vector_dimension", "vector_dimension"},
    {"dimension", "vector_dimension"},
    {"dimensions", "vector_dimension"},
    {"indexing_type", "indexing_type"},
    {"class_name", "class_name"},
    {"mode", "mode"},
    {"optimize_for", "optimize_for"},
});

constexpr std::array kSimilarities = std::to_array<Spelling>({
    {"cosine", "cosine"},
    {"cos", "cosine"},
    {"euclidean", "euclidean"},
    {"l2", "euclidean"},
    {"l2sq", "euclidean"},
    {"dot_product", "dot_product"},
    {"dot", "dot_product"},
    {"ip", "dot_product"},
    {"inner_product", "dot_product"},
});

constexpr std::array kProfiles = std::to_array<Spelling>({{"compact", "compact"}, {"fast", "fast"}});

constexpr std::array kQuantizations = std::to_array<Spelling>({
    {"f32", "f32"},
    {"fp32", "f32"},
    {"float32", "f32"},
    {"float", "f32"},
    {"none", "f32"},
    {"f16", "f16"},
    {"fp16", "f16"},
    {"float16", "f16"},
    {"half", "f16"},
    {"bf16", "bf16"},
    {"bfloat16", "bf16"},
    {"i8", "i8"},
    {"int8", "i8"},
    {"b1", "b1"},
    {"b1x8", "b1"},
    {"binary", "b1"},
    {"bit", "b1"},
});

std::optional<std::string_view> meaning(std::span<const Spelling> spellings, std::string_view written) {
  auto found = std::ranges::find(spellings, written, &Spelling::written);
  return found == spellings.end() ? std::nullopt : std::optional(found->meant);
}

/// In the order of the table.
std::vector<std::string_view> meanings(std::span<const Spelling> spellings) {
  std::vector<std::string_view> all;
  for (const Spelling& spelling : spellings) {
    if (std::ranges::find(all, spelling.meant) == all.end()) all.push_back(spelling.meant);
  }
  return all;
}

struct Range {
  std::string_view option, subject;
  int64_t max, max_storage_attached;
};

constexpr std::array kRanges = std::to_array<Range>({
    {"maximum_node_connections", "Maximum number of connections", 512, 512},
    {"construction_beam_width", "Construction beam width", 4096, 3200},
    {"search_beam_width", "Search beam width", 4096, 4096},
    {"max_elements", "Maximum number of elements", INT64_MAX, INT64_MAX},
    {"vector_dimension", "Vector dimension", INT32_MAX, INT32_MAX},
});

/// Checks the options one by one and gathers what is to be stored.
class Checker {
 public:
  explicit Checker(const Target& target)
      : target_(target), storage_attached_(schema::is_storage_attached_class(target.class_name)) {}

  Status add(const WrittenOption& option) {
    auto name = meaning(kOptionNames, lower(option.name));
    if (!name) return unknown(option.name);
    SAGITTA_TRY(std::string value, normal_form(*name, option.value));
    auto [known, fresh] = normal_.try_emplace(std::string(*name), value);
    if (!fresh && known->second != value) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Options of index {} contradict each other: {} is {} and also, by {}, {}", target_.index,
                              *name, known->second, option.name, value));
    }
    // The metric stays in the user's case, as DESCRIBE shows it; but only a name that is not an
    // alias.
    if (fresh && *name == kSimilarity && lower(option.value) == value) similarity_as_written_ = option.value;
    return {};
  }

  Result<CheckedOptions> finish() {
    SAGITTA_CHECK(check_column());
    CheckedOptions options;
    for (auto& [name, value] : normal_) {
      if (name == "vector_dimension" || name == "class_name" || name == "indexing_type") continue;
      warn_if_idle(name, value, options.warnings);
      options.stored[name] = name == kSimilarity && !similarity_as_written_.empty() ? similarity_as_written_ : value;
    }
    return options;
  }

 private:
  Status unknown(std::string_view name) const {
    if (storage_attached_) {
      return fail(ErrorCode::kConfig,
                  fmt::format("Properties specified [{}] are not understood by StorageAttachedIndex", name));
    }
    return fail(ErrorCode::kInvalid, fmt::format("Unsupported option {} for vector index", name));
  }

  Result<std::string> normal_form(std::string_view name, const std::string& value) const {
    if (name == kSimilarity) return similarity(value);
    if (name == kQuantization) return one_of(name, value, kQuantizations);
    if (name == kProfile) return one_of(name, value, kProfiles);
    if (name == "rescoring") return boolean(name, value);
    if (name == "oversampling") return oversampling(value);
    if (name == "mode") return mode(value);
    auto range = std::ranges::find(kRanges, name, &Range::option);
    if (range != kRanges.end()) return integer(*range, value);
    return value;
  }

  Result<std::string> similarity(const std::string& value) const {
    if (auto meant = meaning(kSimilarities, lower(value))) return std::string(*meant);
    if (storage_attached_) {
      std::string upper = value;
      std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      return fail(ErrorCode::kInvalid,
                  fmt::format("Similarity function {} was not recognized for index {}. Valid values are: EUCLIDEAN, "
                              "DOT_PRODUCT, COSINE",
                              upper, target_.index));
    }
    return refuse(kSimilarity, fmt::format("'{}' is none of cosine, euclidean, dot_product", value));
  }

  std::unexpected<Error> refuse(std::string_view name, std::string_view why) const {
    return fail(ErrorCode::kInvalid, fmt::format("Invalid value in option '{}' for vector index: {}", name, why));
  }

  Result<std::string> one_of(std::string_view name, const std::string& value,
                             std::span<const Spelling> spellings) const {
    if (auto meant = meaning(spellings, lower(value))) return std::string(*meant);
    return refuse(name, fmt::format("'{}' is none of {}", value, fmt::join(meanings(spellings), ", ")));
  }

  Result<std::string> boolean(std::string_view name, const std::string& value) const {
    const std::string word = lower(value);
    if (word == "true" || word == "false") return word;
    return refuse(name, fmt::format("'{}' is neither true nor false", value));
  }

  Result<std::string> mode(const std::string& value) const {
    if (lower(value) == "ann") return std::string("ANN");
    return refuse("mode", fmt::format("'{}' is not ANN, the only mode of a vector column", value));
  }

  Result<std::string> oversampling(const std::string& value) const {
    char* end = nullptr;
    const float factor = std::strtof(value.c_str(), &end);
    if (value.empty() || *end != '\0' || !std::isfinite(factor)) {
      return refuse("oversampling", fmt::format("'{}' is not a float", value));
    }
    if (factor < 1.0F || factor > 100.0F) {
      return refuse("oversampling", fmt::format("'{}' is out of valid range [1.0 - 100.0]", value));
    }
    return fmt::format("{}", factor);
  }

  Result<std::string> integer(const Range& range, const std::string& value) const {
    const int64_t max = storage_attached_ ? range.max_storage_attached : range.max;
    std::string_view digits = value;
    digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
    int64_t number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
      if (!storage_attached_) return refuse(range.option, fmt::format("'{}' is not an integer", value));
      return fail(ErrorCode::kInvalid,
                  fmt::format("{} {} is not a valid integer for index {}", range.subject, value, target_.index));
    }
    if (error == std::errc() && number >= 1 && number <= max) return fmt::format("{}", number);
    if (!storage_attached_) {
      return refuse(range.option, fmt::format("'{}' is out of valid range [1 - {}]", value, max));
    }
    return fail(ErrorCode::kInvalid, fmt::format("{} for index {} cannot be <= 0 or > {}, was {}", range.subject,
                                                 target_.index, max, value));
  }

  Status check_column() const {
    auto dimension = normal_.find("vector_dimension");
    if (dimension != normal_.end() && dimension->second != fmt::format("{}", target_.column.type->dim())) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Option vector_dimension of index {} is {}, but column {} has type {}", target_.index,
                              dimension->second, target_.column.name, target_.column.type->to_cql()));
    }
    auto similarity = normal_.find(kSimilarity);
    if (target_.column.type->dim() == 1 && (similarity == normal_.end() || similarity->second == "cosine")) {
      return fail(ErrorCode::kInvalid, "Cosine similarity is not supported for single-dimension vectors");
    }
    return {};
  }

  /// Today's index keeps float32: what makes it keep less has no effect.
  void warn_if_idle(const std::string& name, const std::string& value, std::vector<std::string>& warnings) const {
    constexpr std::array kIdle = {"oversampling", "rescoring", "quantization"};
    const bool idle = std::ranges::find(kIdle, name) != kIdle.end();
    const bool asks_for_nothing = value == "f32" || value == "false" || (name == "oversampling" && value == "1");
    if (!idle || asks_for_nothing) return;
    warnings.push_back(fmt::format(
        "Option {} = {} of index {} is stored but not yet effective: the index keeps full-precision vectors", name,
        value, target_.index));
  }

  const Target& target_;
  const bool storage_attached_;  ///< refuse in Cassandra's words rather than in ScyllaDB's
  std::map<std::string, std::string, std::less<>> normal_;
  std::string similarity_as_written_;
};

}  // namespace

Result<CheckedOptions> check_vector_options(std::span<const WrittenOption> written, const Target& target) {
  Checker checker(target);
  for (const WrittenOption& option : written) SAGITTA_CHECK(checker.add(option));
  return checker.finish();
}

}  // namespace sagitta::index
