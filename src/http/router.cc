/// Path patterns, segment by segment.
#include "sagitta/http/router.h"

#include "sagitta/http/target.h"

namespace sagitta::http {
namespace {

/// Takes the segment behind the '/' at the front.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

PathPattern::PathPattern(std::string_view text) : text_(text) {
  SAGITTA_ASSERT(text.starts_with('/'));
  while (!text.empty()) {
    SAGITTA_ASSERT(segments_.empty() || segments_.back().kind != Kind::kRest);
    std::string_view segment = take_segment(text);
    const bool named = segment.starts_with('{') && segment.ends_with('}');
    if (named) segment = segment.substr(1, segment.size() - 2);
    const bool rest = named && segment.ends_with("...");
    if (rest) segment.remove_suffix(3);
    SAGITTA_ASSERT(segment.find_first_of("{}") == std::string_view::npos);
    segments_.push_back({rest ? Kind::kRest : named ? Kind::kName : Kind::kLiteral, std::string(segment)});
  }
}

bool PathPattern::matches(std::string_view path, PathParameters& parameters) const {
  for (const Segment& segment : segments_) {
    if (!path.starts_with('/')) return false;
    const std::string_view rest = path.substr(1);
    const auto value = decode_percent(segment.kind == Kind::kRest ? rest : take_segment(path));
    if (!value) return false;
    if (segment.kind == Kind::kLiteral && *value != segment.text) return false;
    if (segment.kind == Kind::kName && value->empty()) return false;
    if (segment.kind != Kind::kLiteral) parameters[segment.text] = *value;
    if (segment.kind == Kind::kRest) return true;
  }
  return path.empty();
}

std::string PathPattern::specificity() const {
  std::string order;
  for (const Segment& segment : segments_)
    order += segment.kind == Kind::kLiteral ? '2' : segment.kind == Kind::kName ? '1' : '0';
  return order;
}

}  // namespace sagitta::http
