#include "sagitta/wire/protocol.h"

#include <algorithm>
#include <cctype>

namespace sagitta::wire {
namespace {

bool same_ignoring_case(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, {}, [](char c) { return std::tolower(static_cast<unsigned char>(c)); });
}

}  // namespace

std::optional<Compression> compression_from_name(std::string_view name) {
  if (same_ignoring_case(name, "lz4")) return Compression::kLz4;
  if (same_ignoring_case(name, "snappy")) return Compression::kSnappy;
  return std::nullopt;
}

}  // namespace sagitta::wire
