#include "body_reader.h"

#include <fmt/format.h>

#include "query_flags.h"
#include "utf8.h"

namespace sagitta::wire {

std::unexpected<Error> BodyReader::malformed(std::string_view what) const {
  return fail(ErrorCode::kProtocol, fmt::format("Malformed {}: cannot read {}", subject_, what));
}

Result<BytesView> BodyReader::take(size_t count, std::string_view what) {
  const auto taken = in_.take(count);
  if (!taken) return malformed(what);
  return *taken;
}

Result<std::string_view> BodyReader::string(std::string_view what) {
  SAGITTA_TRY(const auto length, number<uint16_t>(what));
  return take(length, what);
}

Result<std::string_view> BodyReader::query_string() {
  constexpr std::string_view kWhat = "the query string";
  SAGITTA_TRY(const auto length, count<int32_t>(1, kWhat));
  SAGITTA_TRY(const std::string_view text, take(static_cast<size_t>(length), kWhat));
  const size_t valid = utf8_prefix(text);
  if (valid == text.size()) return text;
  return fail(ErrorCode::kProtocol, fmt::format("The query string is not UTF-8: byte {} is {:#04x}", valid,
                                                static_cast<uint8_t>(text[valid])));
}

Result<ValueView> BodyReader::bytes(std::string_view what) {
  SAGITTA_TRY(const auto length, number<int32_t>(what));
  if (length < 0) return std::nullopt;
  SAGITTA_TRY(const BytesView taken, take(static_cast<size_t>(length), what));
  return taken;
}

Result<BoundValue> BodyReader::value() {
  SAGITTA_TRY(const auto length, number<int32_t>("the length of a value"));
  if (length == kUnsetLength) return BoundValue{BoundValue::Kind::kUnset, {}};
  if (length == -1) return BoundValue{};
  if (length < 0) return fail(ErrorCode::kProtocol, fmt::format("Invalid ByteBuf length {}", length));
  SAGITTA_TRY(const BytesView taken, take(static_cast<size_t>(length), "a value"));
  return BoundValue{BoundValue::Kind::kBytes, taken};
}

Result<Consistency> BodyReader::consistency() {
  SAGITTA_TRY(const auto code, number<uint16_t>("a consistency level"));
  if (code > static_cast<uint16_t>(Consistency::kLocalOne)) {
    return fail(ErrorCode::kProtocol, fmt::format("Unknown code {} for a consistency level", code));
  }
  return static_cast<Consistency>(code);
}

Status BodyReader::end() const {
  if (in_.empty()) return {};
  return fail(ErrorCode::kProtocol, fmt::format("Malformed {}: {} bytes after its end", subject_, in_.left()));
}

Result<CustomPayload> read_custom_payload(BodyReader& in) {
  CustomPayload payload;
  SAGITTA_TRY(const auto count, in.count<uint16_t>(6, "the custom payload"));
  payload.reserve(count);
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(const auto name, in.string("a key of the custom payload"));
    SAGITTA_TRY(const auto value, in.bytes("a value of the custom payload"));
    payload.emplace_back(name, value);
  }
  return payload;
}

}  // namespace sagitta::wire
