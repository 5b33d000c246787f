/// The structured log, one line an event, to stderr: time, level, event, key=value pairs.
///   log_info("replica started", {{"offset", offset}, {"tables", count}});
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace sagitta {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// One key and its value, already as text; values with blanks are quoted when written.
struct LogField {
  template <class T>
  LogField(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
  std::string_view key;
  std::string value;
};

/// Thread-safe. `event` is a short, constant phrase; what varies goes into fields.
void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kDebug, event, fields);
}
inline void log_info(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kInfo, event, fields);
}
inline void log_warn(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kWarn, event, fields);
}
inline void log_error(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kError, event, fields);
}

/// Messages below `level` are dropped. "debug", "info", "warn", "error"; false for any other word.
bool set_log_level(std::string_view level);

}  // namespace sagitta
