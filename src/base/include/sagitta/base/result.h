/// Errors as values. Every call that can fail for a reason outside the program returns a
/// `Result<T>` or a `Status`. Broken invariants assert (`assert.h`); exceptions stay inside the
/// libraries that throw them.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sagitta {

/// What went wrong, by what the caller can do about it. `server` maps each to one CQL error code.
enum class ErrorCode : uint8_t {
  kServer,         ///< our fault: an unexpected condition
  kProtocol,       ///< bytes that break the protocol
  kSyntax,         ///< CQL text that does not parse
  kInvalid,        ///< a well-formed request that makes no sense (unknown table, wrong type, bad vector)
  kFunction,       ///< a function cannot compute its result; `subject` names the function
  kConfig,         ///< a schema option that is not understood
  kAlreadyExists,  ///< a keyspace or table of that name exists; `subject` and `subject_table` name it
  kUnprepared,     ///< an unknown prepared-statement id; `subject` holds its bytes
  kUnauthorized,   ///< the client may not do this
  kOverloaded,     ///< a limit was reached; try again later
  kReadTimeout,    ///< the deadline passed during a read
  kWriteTimeout,   ///< the deadline passed during a write; its outcome is unknown
  kUnavailable,    ///< this node cannot serve now (starting, stopping, halted)
  kTruncate,       ///< TRUNCATE failed
  kWouldBlock,     ///< going on would hold the thread: wait for a disk, or take long; go on elsewhere
  kNotFound,       ///< a file or object is not there
  kIo,             ///< the operating system refused an operation
  kNoSpace,        ///< a disk is full
  kCorruption,     ///< stored bytes fail their checksum or structure
  kLocked,         ///< another process holds the data directory
  kFormat,         ///< data of a newer or unknown format
};

/// The name of `code` without its k: "Invalid".
std::string_view to_string(ErrorCode code);

/// An error: a code, and a message that names the thing and the number ("v: 96 dimensions, expected
/// 128"). Cheap to move and to copy; one pointer plus a byte.
class Error {
 public:
  Error(ErrorCode code, std::string message);
  Error(ErrorCode code, std::string message, std::string subject, std::string subject_table = {});

  ErrorCode code() const { return code_; }
  const std::string& message() const { return body_->message; }
  /// The keyspace of kAlreadyExists, the statement id of kUnprepared, the function of kFunction,
  /// the kind of write of kWriteTimeout ("BATCH_LOG"; empty: a simple one); else empty.
  const std::string& subject() const { return body_->subject; }
  /// The table of kAlreadyExists (empty for a keyspace); else empty.
  const std::string& subject_table() const { return body_->subject_table; }
  /// "Invalid: v: 96 dimensions, expected 128"
  std::string to_string() const;

 private:
  struct Body {
    std::string message, subject, subject_table;
  };
  std::shared_ptr<const Body> body_;
  ErrorCode code_;
};

/// A value or an Error. std::expected, but an ignored one is a warning (and so an error).
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
};

using Status = Result<void>;

/// `return fail(ErrorCode::kInvalid, "...")` in any function that returns a Result.
inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
/// Passes on the error of another Result.
template <class T>
std::unexpected<Error> fail(const Result<T>& failed) {
  return std::unexpected<Error>(failed.error());
}

}  // namespace sagitta

#define SAGITTA_CONCAT_IMPL_(a, b) a##b
#define SAGITTA_CONCAT_(a, b) SAGITTA_CONCAT_IMPL_(a, b)

#define SAGITTA_TRY_IMPL_(result, declaration, expression)               \
  auto result = (expression);                                            \
  if (!result.has_value()) {                                             \
    return std::unexpected<::sagitta::Error>(std::move(result).error()); \
  }                                                                      \
  declaration = *std::move(result)

/// `SAGITTA_TRY(auto x, f());` declares x from the value of f(), or returns f()'s error.
#define SAGITTA_TRY(declaration, expression) \
  SAGITTA_TRY_IMPL_(SAGITTA_CONCAT_(sagitta_result_, __COUNTER__), declaration, expression)

#define SAGITTA_CHECK_IMPL_(result, expression)                            \
  do {                                                                     \
    auto result = (expression);                                            \
    if (!result.has_value()) {                                             \
      return std::unexpected<::sagitta::Error>(std::move(result).error()); \
    }                                                                      \
  } while (false)

/// `SAGITTA_CHECK(f());` returns f()'s error, if any; a value is dropped.
#define SAGITTA_CHECK(expression) SAGITTA_CHECK_IMPL_(SAGITTA_CONCAT_(sagitta_status_, __COUNTER__), expression)
