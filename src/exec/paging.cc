#include "sagitta/exec/paging.h"

#include "sagitta/base/checksum.h"

namespace sagitta::exec {
namespace {

constexpr char kVersion = 1;
constexpr uint8_t kHasClustering = 1;
constexpr uint8_t kHasLimit = 2;

std::optional<PagingState> decode_body(ByteReader& in) {
  PagingState state;
  auto hash = in.big<uint64_t>();
  auto flags = in.big<uint8_t>();
  auto partition = in.blob();
  if (!hash || !flags || !partition) return std::nullopt;
  state.statement_hash = *hash;
  state.last.partition = Bytes(*partition);
  if ((*flags & kHasClustering) != 0) {
    auto count = in.varint();
    if (!count || *count > in.left()) return std::nullopt;
    auto& clustering = state.last.clustering.emplace();
    for (uint64_t i = 0; i < *count; ++i) {
      auto component = in.blob();
      if (!component) return std::nullopt;
      clustering.emplace_back(*component);
    }
  }
  auto in_partition = in.varint();
  if (!in_partition) return std::nullopt;
  state.in_partition = *in_partition;
  if ((*flags & kHasLimit) != 0) {
    state.limit_left = in.varint();
    if (!state.limit_left) return std::nullopt;
  }
  return in.empty() ? std::optional(std::move(state)) : std::nullopt;
}

}  // namespace

Bytes encode_paging_state(const PagingState& state) {
  Bytes out(1, kVersion);
  put_big(out, state.statement_hash);
  put_big(out, static_cast<uint8_t>((state.last.clustering ? kHasClustering : 0) | (state.limit_left ? kHasLimit : 0)));
  put_blob(out, state.last.partition);
  if (state.last.clustering) {
    put_varint(out, state.last.clustering->size());
    for (const Bytes& component : *state.last.clustering) put_blob(out, component);
  }
  put_varint(out, state.in_partition);
  if (state.limit_left) put_varint(out, *state.limit_left);
  put_big(out, crc32c(out));
  return out;
}

Result<PagingState> decode_paging_state(BytesView bytes, uint64_t statement_hash) {
  if (bytes.size() < 1 + sizeof(uint32_t) || bytes[0] != kVersion) {
    return fail(ErrorCode::kProtocol, "Invalid value for the paging state: unknown version");
  }
  BytesView body = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  if (get_big<uint32_t>(bytes.data() + body.size()) != crc32c(body)) {
    return fail(ErrorCode::kProtocol, "Invalid value for the paging state: bad checksum");
  }
  ByteReader in(body.substr(1));
  auto state = decode_body(in);
  if (!state) return fail(ErrorCode::kProtocol, "Invalid value for the paging state: damaged");
  if (state->statement_hash != statement_hash) {
    return fail(ErrorCode::kProtocol, "Invalid value for the paging state: it belongs to another statement");
  }
  return *std::move(state);
}

}  // namespace sagitta::exec
