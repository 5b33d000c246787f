/// Reads the notations of the protocol (§3), each checked against what is left of the body.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/wire/protocol.h"
#include "sagitta/wire/request.h"

namespace sagitta::wire {

/// What it gives are views into the body. Each error is kProtocol and names `what` was being read.
class BodyReader {
 public:
  /// `subject`: "request" or "response", for messages.
  BodyReader(BytesView body, uint8_t version, std::string_view subject)
      : in_(body), version_(version), subject_(subject) {}

  uint8_t version() const { return version_; }
  size_t left() const { return in_.left(); }
  /// For readers of a part, as of types.
  ByteReader& bytes_left() { return in_; }

  template <std::integral T>
  Result<T> number(std::string_view what) {
    auto v = in_.big<T>();
    if (!v) return malformed(what);
    return *v;
  }
  /// [string] and [short bytes]
  Result<std::string_view> string(std::string_view what);
  /// [long string] that is UTF-8
  Result<std::string_view> query_string();
  /// [bytes]; nothing for null
  Result<ValueView> bytes(std::string_view what);
  /// [value]
  Result<BoundValue> value();
  Result<Consistency> consistency();
  Result<BytesView> take(size_t count, std::string_view what);
  /// A count of things of at least `bytes_each` bytes, refused when the rest of the body cannot
  /// hold them.
  template <std::integral T>
  Result<T> count(size_t bytes_each, std::string_view what) {
    SAGITTA_TRY(const T read, number<T>(what));
    if (read < T{0} || static_cast<size_t>(read) > left() / bytes_each) return malformed(what);
    return read;
  }
  /// That all was read.
  Status end() const;
  std::unexpected<Error> malformed(std::string_view what) const;

 private:
  ByteReader in_;
  uint8_t version_;
  std::string_view subject_;
};

/// [bytes map]
Result<CustomPayload> read_custom_payload(BodyReader& in);

}  // namespace sagitta::wire
