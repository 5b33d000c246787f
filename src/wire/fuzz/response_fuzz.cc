/// Arbitrary bodies to the response decoder: every view that it gives must lie inside the body, and
/// the cells of rows must be as many as it says.
#include <cstdlib>

#include "sagitta/wire/client.h"

#include "fuzz_frame.h"

namespace {

using sagitta::BytesView;
using namespace sagitta::wire;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(BytesView outer, BytesView inner) {
  if (inner.empty()) return;
  require(inner.data() >= outer.data() && inner.data() + inner.size() <= outer.data() + outer.size());
}

struct Checker {
  BytesView body;

  template <class T>
  void operator()(const T&) const {}
  void operator()(const Authenticate& m) const { check(body, m.authenticator); }
  void operator()(const AuthChallenge& m) const { check(body, m.token.value_or(BytesView())); }
  void operator()(const AuthSuccess& m) const { check(body, m.token.value_or(BytesView())); }
  void operator()(const Supported& m) const {
    for (const auto& [name, values] : m.options) {
      check(body, name);
      for (auto value : values) check(body, value);
    }
  }
  void operator()(const Rows& m) const {
    check(body, m.cells);
    check(body, m.paging_state.value_or(BytesView()));
    require(m.metadata.columns.empty() || m.metadata.columns.size() == m.column_count);
    uint64_t cells = 0;
    for (CellReader in(m); !in.empty(); ++cells) check(body, in.next().value_or(BytesView()));
    require(cells == uint64_t{m.row_count} * m.column_count);
  }
  void operator()(const KeyspaceSet& m) const { check(body, m.keyspace); }
  void operator()(const Prepared& m) const {
    check(body, m.id);
    for (uint16_t index : m.partition_key_indexes) require(index < m.markers.columns.size());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto frame = fuzz_frame(data, size);
  if (!frame) return 0;
  const auto response = decode_response(*frame);
  if (!response) return 0;
  for (auto warning : response->warnings) check(*frame->body, warning);
  for (const auto& [name, value] : response->custom_payload) {
    check(*frame->body, name);
    check(*frame->body, value.value_or(BytesView()));
  }
  std::visit(Checker{*frame->body}, response->reply);
  return 0;
}
