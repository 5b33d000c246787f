/// What HTTP/1.1 carries: requests, responses, their fields. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/bytes.h"

namespace sagitta::http {

/// Whether the text may stand as a method or a field's name.
bool is_token(std::string_view text);
/// Whether the text may stand as a field's value: no control characters but tabs, no blanks at its
/// ends.
bool is_field_value(std::string_view text);
/// Equality without regard to the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

struct Field {
  std::string name, value;

  bool operator==(const Field&) const = default;
};

/// Header or trailer fields in the order they came. Names compare without regard to case.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields);

  /// Asserts that the name is a token and the value may stand there: check what comes from outside
  /// first.
  void add(std::string_view name, std::string_view value);
  /// Takes the place of all fields of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  /// The value of the first field of that name; nothing when there is none. Good until the fields
  /// change.
  const std::string* find(std::string_view name) const;
  size_t count(std::string_view name) const;
  /// Whether a comma-separated field holds `token`, in whatever case: ("connection", "close").
  bool has_token(std::string_view name, std::string_view token) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  bool operator==(const Fields&) const = default;

 private:
  std::vector<Field> fields_;
};

struct RequestHead {
  std::string method = "GET", target = "/";
  int minor_version = 1;
  Fields fields;
};

struct ResponseHead {
  int status = 200;
  std::string reason;  ///< empty: the status's own when written
  int minor_version = 1;
  Fields fields;
};

struct Request {
  RequestHead head;
  Bytes body;
  Fields trailers;
};

struct Response {
  ResponseHead head;
  Bytes body;
  Fields trailers;
};

/// A whole response of one line or page of text.
Response text_response(int status, Bytes body, std::string_view content_type = "text/plain; charset=utf-8");

/// "Not Found"; "Unknown" for a status that has no name.
std::string_view reason_of(int status);
/// Whether a response of that status may have a body: not 1xx, 204 and 304.
bool may_have_body(int status);

/// What one message may bring. Past a limit it is refused with the status that HTTP has for it.
struct Limits {
  /// Start line and fields, and once more the trailers.
  size_t head_bytes_max = size_t{16} << 10;
  size_t fields_max = 100;
  uint64_t body_bytes_max = uint64_t{1} << 20;
};

/// Why bytes are refused: the status to answer with, and a line of text.
struct HttpError {
  int status = 400;
  std::string message;
};

}  // namespace sagitta::http
