/// What may stand in the options compaction, compression, caching and speculative_retry.
#include "sub_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/schema/ddl_text.h"

namespace sagitta::plan {
namespace {

using schema::OptionMap;
using Names = std::span<const std::string_view>;

template <class... Values>
std::unexpected<Error> refuse(fmt::format_string<Values...> format, Values&&... values) {
  return fail(ErrorCode::kConfig, fmt::format(format, std::forward<Values>(values)...));
}

std::optional<int32_t> to_number(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::vector<std::string> unknown_names(const OptionMap& given, std::initializer_list<Names> known) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : given) {
    const auto has = [&](Names names) { return std::ranges::find(names, name) != names.end(); };
    if (std::ranges::none_of(known, has)) unknown.push_back(name);
  }
  return unknown;
}

// ---- compaction ----

constexpr std::string_view kForAll[] = {"class",
                                        "enabled",
                                        "log_all",
                                        "only_purge_repaired_tombstones",
                                        "provide_overlapping_tombstones",
                                        "tombstone_compaction_interval",
                                        "tombstone_threshold",
                                        "unchecked_tombstone_compaction"};
constexpr std::string_view kForTiers[] = {"bucket_high", "bucket_low", "max_threshold", "min_sstable_size",
                                          "min_threshold"};
constexpr std::string_view kForLevels[] = {"fanout_size", "single_sstable_uplevel", "sstable_size_in_mb"};
constexpr std::string_view kForWindows[] = {"compaction_window_size", "compaction_window_unit",
                                            "expired_sstable_check_frequency_seconds", "timestamp_resolution",
                                            "unsafe_aggressive_sstable_expiration"};
constexpr std::string_view kForUnified[] = {"base_shard_count",
                                            "expired_sstable_check_frequency_seconds",
                                            "flush_size_override",
                                            "max_sstables_to_compact",
                                            "min_sstable_size",
                                            "overlap_inclusion_method",
                                            "parallelize_output_shards",
                                            "scaling_parameters",
                                            "sstable_growth",
                                            "target_sstable_size",
                                            "unsafe_aggressive_sstable_expiration"};

struct Strategy {
  std::string_view name;
  Names own;
  bool has_thresholds = true;
};

constexpr Strategy kStrategies[] = {{"SizeTieredCompactionStrategy", {}},
                                    {"LeveledCompactionStrategy", kForLevels},
                                    {"TimeWindowCompactionStrategy", kForWindows},
                                    {"UnifiedCompactionStrategy", kForUnified, false}};

/// Of ScyllaDB, with options of its own.
constexpr std::string_view kIncremental = "IncrementalCompactionStrategy";

Result<int32_t> threshold(OptionMap& options, const std::string& name, std::string_view by_default) {
  const std::string& text = options.try_emplace(name, by_default).first->second;
  const auto number = to_number(text);
  if (!number) return refuse("Invalid value {} for '{}' compaction sub-option - must be an integer", text, name);
  return *number;
}

Status complete_thresholds(OptionMap& options) {
  SAGITTA_TRY(const int32_t least, threshold(options, "min_threshold", "4"));
  SAGITTA_TRY(const int32_t most, threshold(options, "max_threshold", "32"));
  if (least < 2) return refuse("Min compaction threshold cannot be less than 2 (got {})", least);
  if (least <= most) return {};
  return refuse("Min compaction threshold (got {}) cannot be greater than max compaction threshold (got {})", least,
                most);
}

// ---- compression ----

constexpr std::string_view kCompressors[] = {"DeflateCompressor",      "LZ4Compressor",    "LZ4WithDictsCompressor",
                                             "NoopCompressor",         "SnappyCompressor", "ZstdCompressor",
                                             "ZstdWithDictsCompressor"};
constexpr std::string_view kCompressorOptions[] = {"chunk_length_in_kb",        "class",
                                                   "compression_level",         "lz4_compressor_type",
                                                   "lz4_high_compressor_level", "min_compress_ratio"};

/// As ScyllaDB and older releases of Cassandra call them.
void use_present_names(OptionMap& options) {
  for (const auto& [before, now] :
       {std::pair("sstable_compression", "class"), {"chunk_length_kb", "chunk_length_in_kb"}}) {
    auto old = options.extract(before);
    if (old.empty()) continue;
    old.key() = now;
    options.insert(std::move(old));
  }
}

Status check_chunk_length(const std::string& text) {
  const auto length = to_number(text);
  if (!length) return refuse("Invalid value for chunk_length_in_kb");
  if (*length <= 0) return refuse("Invalid negative or null chunk_length_in_kb");
  if (std::has_single_bit(static_cast<uint32_t>(*length))) return {};
  return refuse("chunk_length_in_kb must be a power of 2");
}

Status check_compressor(const OptionMap& options) {
  const std::string& name = options.at("class");
  if (std::ranges::find(kCompressors, schema::simple_class(name)) == std::end(kCompressors) ||
      schema::full_class("io.compress", schema::simple_class(name)) != name) {
    return refuse("Could not create Compression for type {}", name);
  }
  const auto unknown = unknown_names(options, {kCompressorOptions});
  return unknown.empty() ? Status() : refuse("Unknown compression options {}", unknown.front());
}

// ---- caching ----

constexpr std::string_view kCachingOptions[] = {"enabled", "keys", "rows_per_partition"};

Status complete_cached(OptionMap& options, const std::string& name, std::string_view allowed) {
  std::string& value = options.try_emplace(name, "NONE").first->second;
  const std::string small = lower(value);
  const bool is_word = small == "all" || small == "none";
  const bool is_count = name != "keys" && to_number(value).value_or(-1) >= 0;
  if (!is_word && !is_count) {
    return refuse("Invalid value '{}' for caching sub-option '{}': only {} are allowed", value, name, allowed);
  }
  if (is_word) value = small == "all" ? "ALL" : "NONE";
  return {};
}

// ---- speculation ----

constexpr double kPercentMax = 100;

/// The digits and points before one of the `units`.
std::optional<double> number_with(std::string_view text, std::initializer_list<std::string_view> units) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const std::string_view unit(end, text.data() + text.size());
  const bool has_unit = std::ranges::find(units, unit) != units.end();
  return error == std::errc() && value >= 0 && has_unit ? std::optional(value) : std::nullopt;
}

struct Speculation {
  bool is_percentile = false;
  std::string text;
};

/// "99p", "99percentile" or "50ms", in any case; nothing for other texts.
Result<std::optional<Speculation>> simple_speculation(std::string_view given) {
  const std::string text = lower(given);
  if (const auto percent = number_with(text, {"p", "percentile"})) {
    if (*percent > 0 && *percent < kPercentMax) return Speculation{true, fmt::format("{}p", *percent)};
    return refuse("Invalid value {} for PERCENTILE option 'speculative_retry': must be between (0.0 and 100.0)", given);
  }
  if (const auto milliseconds = number_with(text, {"ms"})) {
    return Speculation{false, fmt::format("{}ms", static_cast<int64_t>(*milliseconds))};
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Of "min(a,b)" and "max(a,b)".
std::optional<std::pair<std::string_view, std::string_view>> two_speculations(std::string_view text) {
  const bool is_call = (text.starts_with("min(") || text.starts_with("max(")) && text.ends_with(')');
  const size_t comma = text.find(',');
  if (!is_call || comma == text.npos) return std::nullopt;
  return std::pair(trimmed(text.substr(4, comma - 4)), trimmed(text.substr(comma + 1, text.size() - comma - 2)));
}

}  // namespace

Result<OptionMap> complete_compaction(OptionMap options) {
  const auto named = options.find("class");
  if (named == options.end()) return refuse("Missing sub-option 'class' for the 'compaction' option");
  named->second = schema::full_class("db.compaction", named->second);
  const std::string_view name = schema::simple_class(named->second);
  if (name == kIncremental) return options;
  const auto* strategy = std::ranges::find(kStrategies, name, &Strategy::name);
  if (strategy == std::end(kStrategies)) return refuse("Unable to find compaction strategy class '{}'", named->second);
  const auto enabled = options.find("enabled");
  if (enabled != options.end() && enabled->second != "true" && enabled->second != "false") {
    return refuse("enabled should either be 'true' or 'false', not {}", enabled->second);
  }
  if (strategy->has_thresholds) SAGITTA_CHECK(complete_thresholds(options));
  const auto unknown =
      unknown_names(options, {kForAll, strategy->own, strategy->has_thresholds ? Names(kForTiers) : Names()});
  if (unknown.empty()) return options;
  return refuse("Properties specified [{}] are not understood by {}", fmt::join(unknown, ", "), name);
}

Result<OptionMap> complete_compression(OptionMap options) {
  use_present_names(options);
  const OptionMap none = {{"enabled", "false"}};
  if (options.empty()) return none;
  if (const auto enabled = options.extract("enabled"); !enabled.empty() && enabled.mapped() != "true") {
    if (options.empty()) return none;
    return refuse("If the 'enabled' option is set to false no other options must be specified");
  }
  const auto named = options.find("class");
  if (named == options.end()) return refuse("Missing sub-option 'class' for the 'compression' option.");
  if (named->second.empty()) {
    return refuse("The 'class' option must not be empty. To disable compression use 'enabled' : false");
  }
  named->second = schema::full_class("io.compress", named->second);
  SAGITTA_CHECK(check_chunk_length(options.try_emplace("chunk_length_in_kb", "16").first->second));
  SAGITTA_CHECK(check_compressor(options));
  return options;
}

Result<OptionMap> complete_caching(OptionMap options) {
  const auto unknown = unknown_names(options, {kCachingOptions});
  if (!unknown.empty()) {
    return refuse("Invalid caching sub-options [{}]: only 'keys' and 'rows_per_partition' are allowed",
                  fmt::join(unknown, ", "));
  }
  SAGITTA_CHECK(complete_cached(options, "keys", "'ALL' and 'NONE'"));
  SAGITTA_CHECK(complete_cached(options, "rows_per_partition", "'ALL', 'NONE', and integer values"));
  return options;
}

Result<std::string> complete_speculation(std::string_view given) {
  const std::string text = lower(given);
  if (text == "always") return std::string("ALWAYS");
  if (text == "none" || text == "never") return std::string("NEVER");
  SAGITTA_TRY(const auto one, simple_speculation(given));
  if (one) return one->text;
  const auto invalid = [&](std::string_view why) {
    return refuse("Invalid value {} for option 'speculative_retry'{}", given, why);
  };
  const auto parts = two_speculations(text);
  if (!parts) return invalid("");
  SAGITTA_TRY(const auto first, simple_speculation(parts->first));
  SAGITTA_TRY(const auto second, simple_speculation(parts->second));
  if (!first || !second) return invalid("");
  if (first->is_percentile == second->is_percentile) {
    return invalid(fmt::format(": MIN()/MAX() arguments should be of different types, but both are of type {}",
                               first->is_percentile ? "PERCENTILE" : "FIXED"));
  }
  return fmt::format("{}({},{})", text.starts_with("min") ? "MIN" : "MAX", first->text, second->text);
}

}  // namespace sagitta::plan
