/// The writers of messages (RFC 9112 §2.1, §7.1).
#include "sagitta/http/writer.h"

#include <fmt/format.h>

#include "sagitta/base/assert.h"

namespace sagitta::http {
namespace {

void append(const Fields& fields, Bytes& out) {
  for (const Field& field : fields) fmt::format_to(std::back_inserter(out), "{}: {}\r\n", field.name, field.value);
  out += "\r\n";
}

}  // namespace

Bytes write_head(const RequestHead& head) {
  SAGITTA_ASSERT(is_token(head.method) && is_field_value(head.target) && !head.target.empty());
  SAGITTA_ASSERT(head.target.find_first_of(" \t") == std::string::npos);
  Bytes out = fmt::format("{} {} HTTP/1.{}\r\n", head.method, head.target, head.minor_version);
  append(head.fields, out);
  return out;
}

Bytes write_head(const ResponseHead& head) {
  SAGITTA_ASSERT(head.status >= 100 && head.status <= 999 && is_field_value(head.reason));
  Bytes out = fmt::format("HTTP/1.{} {} {}\r\n", head.minor_version, head.status,
                          head.reason.empty() ? reason_of(head.status) : head.reason);
  append(head.fields, out);
  return out;
}

Bytes write_chunk(BytesView data) {
  if (data.empty()) return {};
  Bytes out = fmt::format("{:x}\r\n", data.size());
  out += data;
  out += "\r\n";
  return out;
}

Bytes write_last_chunk(const Fields& trailers) {
  Bytes out = "0\r\n";
  append(trailers, out);
  return out;
}

}  // namespace sagitta::http
