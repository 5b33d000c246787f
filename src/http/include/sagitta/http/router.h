/// Which handler a request is for: method and path pattern.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sagitta/base/assert.h"

namespace sagitta::http {

/// What the names in a pattern stood for, decoded.
using PathParameters = std::map<std::string, std::string, std::less<>>;

/// A pattern in its segments: "/items/{id}" matches one segment with {id}, "/files/{path...}" all
/// that are left.
class PathPattern {
 public:
  /// Asserts that the text is a pattern: it begins with '/', and `...` stands in its last segment
  /// only.
  explicit PathPattern(std::string_view text);
  /// Fills `parameters` when it is true. A segment with a damaged escape matches nothing.
  bool matches(std::string_view path, PathParameters& parameters) const;
  /// Literals before names: the more special of two patterns that match is the greater.
  std::string specificity() const;
  const std::string& text() const { return text_; }

 private:
  enum class Kind : uint8_t { kLiteral, kName, kRest };
  struct Segment {
    Kind kind = Kind::kLiteral;
    std::string text;
  };

  std::string text_;
  std::vector<Segment> segments_;
};

/// Patterns to handlers. Add all, then share it freely: matching is const.
template <class Handler>
class Router {
 public:
  struct Match {
    const Handler* handler = nullptr;  ///< null: see `allowed`
    PathParameters parameters = {};
    /// Without a handler: the methods that the path has, "GET, HEAD, PUT"; empty when there is no
    /// such path.
    std::string allowed = {};
  };

  /// Asserts that there is no such route yet. GET answers HEAD too, unless HEAD has a route of its
  /// own.
  void add(std::string_view method, std::string_view pattern, Handler handler) {
    PathPattern parsed(pattern);
    auto& methods = routes_[{parsed.specificity(), parsed.text()}];
    methods.pattern.emplace(std::move(parsed));
    SAGITTA_ASSERT(methods.handlers.emplace(method, std::move(handler)).second);
  }

  /// Of several patterns that match, the one whose first difference is a literal.
  Match match(std::string_view method, std::string_view path) const {
    for (auto route = routes_.rbegin(); route != routes_.rend(); ++route) {
      PathParameters parameters;
      const Methods& methods = route->second;
      if (!methods.pattern->matches(path, parameters)) continue;
      auto found = methods.handlers.find(method);
      if (found == methods.handlers.end() && method == "HEAD") found = methods.handlers.find("GET");
      if (found == methods.handlers.end()) return {nullptr, {}, allowed(methods)};
      return {&found->second, std::move(parameters), {}};
    }
    return {};
  }

 private:
  struct Methods {
    std::optional<PathPattern> pattern;
    std::map<std::string, Handler, std::less<>> handlers;
  };

  static std::string allowed(const Methods& methods) {
    std::string list;
    for (const auto& [method, handler] : methods.handlers) {
      list += (list.empty() ? "" : ", ") + method;
      if (method == "GET" && !methods.handlers.contains("HEAD")) list += ", HEAD";
    }
    return list;
  }

  std::map<std::pair<std::string, std::string>, Methods> routes_;
};

}  // namespace sagitta::http
