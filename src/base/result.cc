#include "sagitta/base/result.h"

namespace sagitta {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kServer: return "Server";
    case ErrorCode::kProtocol: return "Protocol";
    case ErrorCode::kSyntax: return "Syntax";
    case ErrorCode::kInvalid: return "Invalid";
    case ErrorCode::kFunction: return "Function";
    case ErrorCode::kConfig: return "Config";
    case ErrorCode::kAlreadyExists: return "AlreadyExists";
    case ErrorCode::kUnprepared: return "Unprepared";
    case ErrorCode::kUnauthorized: return "Unauthorized";
    case ErrorCode::kOverloaded: return "Overloaded";
    case ErrorCode::kReadTimeout: return "ReadTimeout";
    case ErrorCode::kWriteTimeout: return "WriteTimeout";
    case ErrorCode::kUnavailable: return "Unavailable";
    case ErrorCode::kTruncate: return "Truncate";
    case ErrorCode::kWouldBlock: return "WouldBlock";
    case ErrorCode::kNotFound: return "NotFound";
    case ErrorCode::kIo: return "Io";
    case ErrorCode::kNoSpace: return "NoSpace";
    case ErrorCode::kCorruption: return "Corruption";
    case ErrorCode::kLocked: return "Locked";
    case ErrorCode::kFormat: return "Format";
  }
  return "Unknown";
}

Error::Error(ErrorCode code, std::string message) : Error(code, std::move(message), {}, {}) {}

Error::Error(ErrorCode code, std::string message, std::string subject, std::string subject_table)
    : body_(std::make_shared<const Body>(Body{std::move(message), std::move(subject), std::move(subject_table)})),
      code_(code) {}

std::string Error::to_string() const { return std::string(sagitta::to_string(code_)) + ": " + message(); }

}  // namespace sagitta
