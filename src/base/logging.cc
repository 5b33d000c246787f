#include "sagitta/base/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sagitta {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("sagitta", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// Quotes a value that a reader of key=value pairs could not split, and keeps every event on one
/// line.
std::string quoted(const std::string& value) {
  if (!value.empty() && value.find_first_of(" \"\n\r\t=") == std::string::npos) return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c == '\n' || c == '\r' ? ' ' : c);
  }
  return text + "\"";
}

}  // namespace

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto spdlog_level = to_spdlog(level);
  if (!logger().should_log(spdlog_level)) return;
  std::string line(event);
  for (const LogField& field : fields) line += fmt::format(" {}={}", field.key, quoted(field.value));
  logger().log(spdlog_level, spdlog::string_view_t(line));
}

bool set_log_level(std::string_view level) {
  if (level == "debug")
    logger().set_level(spdlog::level::debug);
  else if (level == "info")
    logger().set_level(spdlog::level::info);
  else if (level == "warn")
    logger().set_level(spdlog::level::warn);
  else if (level == "error")
    logger().set_level(spdlog::level::err);
  else
    return false;
  return true;
}

}  // namespace sagitta
